"""The classic way, as web applications in Python go about it: a new connection and the whole schema for every sign-in.

As many threads as sign in at a time, as the servers of such applications have them. With `groups`, each asks for the person's
groups and for theirs besides, as the program does. Prints how many sign-ins, in how many seconds, with how many seconds of
processor time.
"""

import ssl
import sys
import threading
import time

import ldap3

port, ca_file, seconds, people, base_dn, service_dn, password, at_a_time, groups = sys.argv[1:]
tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=ca_file)


def groups_of(connection, member, uid):
    connection.search(base_dn, f"(|(member={member})(uniqueMember={member})(memberUid={uid}))", attributes=["cn"])
    return [group.entry_dn for group in connection.entries]


def sign_in(person):
    server = ldap3.Server("localhost", port=int(port), use_ssl=True, tls=tls, get_info=ldap3.ALL)
    connection = ldap3.Connection(server, service_dn, password, auto_bind=True)
    assert connection.search(base_dn, f"(&(objectClass=inetOrgPerson)(uid=person{person}))", attributes=["cn", "uid"])
    found = connection.entries[0].entry_dn
    if groups == "groups":
        for group in groups_of(connection, found, f"person{person}"):
            groups_of(connection, group, group)
    assert connection.rebind(found, password)
    connection.unbind()


def sign_ins(thread, counts):
    while time.monotonic() < until:
        sign_in((thread + counts[thread] * len(counts)) % int(people))
        counts[thread] += 1


sign_in(0)
counts = [0] * int(at_a_time)
threads = [threading.Thread(target=sign_ins, args=(thread, counts)) for thread in range(len(counts))]
began, used = time.monotonic(), time.process_time()
until = began + float(seconds)
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sum(counts), time.monotonic() - began, time.process_time() - used)
