"""Accepts a Kerberos token by MIT's GSS-API, which knows nothing of the gateway.

Standard input: the token inside Negotiate in base64, the application data of the channel bindings in hexadecimal, each on
a line. KRB5_KTNAME names the keytab. Output: the client's name and the token that answers, or what is wrong.
"""

import base64
import sys

import gssapi
from gssapi.raw import ChannelBindings

token = base64.b64decode(sys.stdin.readline())
bindings = ChannelBindings(application_data=bytes.fromhex(sys.stdin.readline().strip()))
credentials = gssapi.Credentials(usage="accept")
try:
    context = gssapi.SecurityContext(creds=credentials, usage="accept", channel_bindings=bindings)
    answer = context.step(token)
    # Errors of the step are raised here.
    complete = context.complete
except gssapi.exceptions.GSSError as error:
    print("refused:", error)
    sys.exit(0)
assert complete, "the exchange goes on"
print(context.initiator_name, base64.b64encode(answer).decode())
