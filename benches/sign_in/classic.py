"""The classic way, as web applications in Python go about it: a new connection and the whole schema for every sign-in.

Prints how many sign-ins, in how many seconds, with how many seconds of processor time.
"""

import ssl
import sys
import time

import ldap3

port, ca_file, seconds, people, base_dn, service_dn, password = sys.argv[1:]
tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=ca_file)


def sign_in(person):
    server = ldap3.Server("localhost", port=int(port), use_ssl=True, tls=tls, get_info=ldap3.ALL)
    connection = ldap3.Connection(server, service_dn, password, auto_bind=True)
    assert connection.search(base_dn, f"(&(objectClass=inetOrgPerson)(uid=person{person}))", attributes=["cn", "uid"])
    assert connection.rebind(connection.entries[0].entry_dn, password)
    connection.unbind()


sign_in(0)
count, began, used = 0, time.monotonic(), time.process_time()
while time.monotonic() - began < float(seconds):
    sign_in(count % int(people))
    count += 1
print(count, time.monotonic() - began, time.process_time() - used)
