"""What a phone of sipp's does, step by step, as the XML that sipp reads. Each step is a line or two of a scenario."""

from xml.sax.saxutils import escape

KEYS = "/usr/share/sip-tester"
_TAG = "tag=[pid]phone[call_number]"
_ANSWER = """
SIP/2.0 {status}
[last_Via:]
[last_From:]
{to}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:phone@[local_ip]:[local_port]>
{more}"""
_OF_OURS = """
{method} [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From:[$us]
To:[$them]
Call-ID: [call_id]
CSeq: {cseq} {method}
Max-Forwards: 70
Contact: <sip:phone@[local_ip]:[local_port]>
{more}"""
_SDP = """v=0
o=- {version} {version} IN IP4 [media_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a={direction}
"""
_KEEP = """<action>
<ereg regexp=".*" search_in="hdr" header="From:" assign_to="them"/>
<ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/>
<assignstr assign_to="us" value="[$to];tag=[pid]phone[call_number]"/>
<ereg regexp=".*" search_in="hdr" header="Via:" assign_to="via"/>
<ereg regexp=".*" search_in="hdr" header="CSeq:" assign_to="cseq"/></action>"""


def _send(text: str, *options: str) -> str:
    return f"<send {' '.join(options)}><![CDATA[{text}\n]]></send>"


def _body(sdp: str) -> str:
    return f"Content-Type: application/sdp\nContent-Length: [len]\n\n{sdp}" if sdp else "Content-Length: 0\n"


def offer(direction: str = "sendrecv", version: int = 1) -> str:
    return _SDP.format(direction=direction, version=version)


def invited() -> str:
    """An INVITE comes; who sent it is remembered, to be answered also when something else came since."""
    return f'<recv request="INVITE" rrs="true">{_KEEP}</recv>'


def challenges(status: int) -> str:
    proxy = "Proxy" if status == 407 else "WWW"
    asked = f'{proxy}-Authenticate: Digest realm="trunk", nonce="abc", algorithm=MD5, qop="auth"\n'
    return says(f"{status} Unauthorized", more=asked)


def hears(method: str) -> str:
    return f'<recv request="{method}" timeout="15000"/>'


def told(status: int) -> str:
    return f'<recv response="{status}" timeout="5000"/>'


def says(status: str, sdp: str = "", more: str = "") -> str:
    """An answer to what came last; `200 OK` to an INVITE has an SDP."""
    to = "[last_To:]" if status.startswith("100") else f"[last_To:];{_TAG}"
    return _send(_ANSWER.format(status=escape(status), to=to, more=more + _body(sdp)))


def _late(status: str, more: str) -> str:
    fields = "Via:[$via]\nFrom:[$them]\nTo:[$us]\nCall-ID: [call_id]\nCSeq:[$cseq]\n"
    return _send(f"\nSIP/2.0 {status}\n{fields}Contact: <sip:phone@[local_ip]:[local_port]>\n{more}")


def refuses_invite(status: str) -> str:
    """The INVITE's end, when something else came since."""
    return _late(status, _body(""))


def answers_invite() -> str:
    """The INVITE's 200, when something else came since."""
    return _late("200 OK", _body(offer()))


def agrees(status: str = "200 OK") -> str:
    """An answer within the dialog, whose To has its tag already."""
    return _send(_ANSWER.format(status=status, to="[last_To:]", more=_body("")))


def answers() -> str:
    return says("200 OK", offer()) + hears("ACK")


def waits(milliseconds: int) -> str:
    return f'<pause milliseconds="{milliseconds}"/>'


def hung_up_on() -> str:
    return hears("BYE") + agrees()


def hangs_up(cseq: int = 1) -> str:
    return _send(_OF_OURS.format(method="BYE", cseq=cseq, more=_body(""))) + told(200)


def invites_again(direction: str, cseq: int) -> str:
    """A re-INVITE: hold, or the end of it."""
    again = _OF_OURS.format(method="INVITE", cseq=cseq, more=_body(offer(direction, cseq + 1)))
    return _send(again) + told(200) + _send(_OF_OURS.format(method="ACK", cseq=cseq, more=_body("")))


def informs(key: str, cseq: int) -> str:
    """A key by SIP INFO."""
    relay = f"Content-Type: application/dtmf-relay\nContent-Length: [len]\n\nSignal={key}\nDuration=100\n"
    return _send(_OF_OURS.format(method="INFO", cseq=cseq, more=relay)) + told(200)


def presses(key: str) -> str:
    """A key as RTP telephone-events, of the recordings that come with sipp: 0 to 9, star or pound."""
    return f'<nop><action><exec play_pcap_audio="{KEYS}/dtmf_2833_{key}.pcap"/></action></nop>'


def scenario(*steps: str) -> str:
    uses = '<Reference variables="us,them,to,via,cseq"/>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="phone">\n{"".join(steps)}\n{uses}\n</scenario>\n'
