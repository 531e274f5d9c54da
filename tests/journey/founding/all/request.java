HttpResponse<String> response = Unirest.get("http://api.infobip.com/tts/3/reports")
 .header("authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
 .header("content-type", "application/json")
 .header("accept", "application/json")
 .asString();
