<?php

$curl = curl_init();

curl_setopt_array($curl, array(
 CURLOPT_URL => "http://api.infobip.com/tts/3/reports?limit=2",
 CURLOPT_RETURNTRANSFER => true,
 CURLOPT_ENCODING => "",
 CURLOPT_MAXREDIRS => 10,
 CURLOPT_TIMEOUT => 30,
 CURLOPT_HTTP_VERSION => CURL_HTTP_VERSION_1_1,
 CURLOPT_CUSTOMREQUEST => "GET",
 CURLOPT_POSTFIELDS => "",
 CURLOPT_HTTPHEADER => array(
 "accept: application/json",
 "authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
 "content-type: application/json"
 ),
));

$response = curl_exec($curl);
$err = curl_error($curl);

curl_close($curl);

if ($err) {
 echo "cURL Error #:" . $err;
} else {
 echo $response;
}
