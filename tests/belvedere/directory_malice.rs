//! A directory that answers garbage is one that cannot be reached: never a way in, never an answer about a person, and
//! never the end of the program.

use std::time::{Duration, Instant};

use belvedere::config::DirectorySettings;
use belvedere::directory::{DirectoryRefusal, PasswordFate, Unreachable};
use futures::future::join_all;

use crate::directory_sign_in::{open, settings, sign_in};
use crate::harness::fault_proxy::{Fault, FaultProxy};
use crate::harness::garbage::Garbage;
use crate::harness::ldap_requests::{LdapRequest, SearchScope};
use crate::harness::slapd;

/// The deadline for an answer that never ends, and how much later a busy machine may notice.
const DEADLINE: Duration = Duration::from_secs(2);
const SLACK: Duration = Duration::from_secs(10);

/// When in a sign-in the garbage comes.
type FaultTrigger = (&'static str, fn(&LdapRequest) -> bool);

const MOMENTS: [FaultTrigger; 3] = [
    (
        "what kind of directory it is",
        |request| matches!(request, LdapRequest::Search(search) if search.scope == SearchScope::Base),
    ),
    ("who it is", |request| matches!(request, LdapRequest::Search(search) if search.scope == SearchScope::Subtree)),
    ("whether the password is right", |request| matches!(request, LdapRequest::Bind(name) if name.contains("Alice"))),
];

#[tokio::test]
async fn garbage_of_any_kind_at_any_moment_is_never_an_answer_about_a_person() {
    let Some(server) = slapd::server() else { return };
    for kind in Garbage::ALL.into_iter().chain([Garbage::Deep]) {
        join_all(MOMENTS.map(|(asked, moment)| async move {
            let proxy = FaultProxy::before(&server.ldap_url()).await;
            let settings = settings(&[proxy.url()], &server.ca_file);
            let directory = open(&DirectorySettings { dial_timeout: DEADLINE, operation_timeout: DEADLINE, ..settings });
            proxy.set_when(moment, Fault::Garbage(kind));
            let started = Instant::now();
            let answer = sign_in(&directory, "alice", slapd::PASSWORD).await;
            assert!(started.elapsed() < DEADLINE + SLACK, "{asked}, {kind:?}: {:?}", started.elapsed());
            let Err(DirectoryRefusal::Unreachable(Unreachable { reason, password, .. })) = answer else {
                panic!("{asked}, {kind:?}: {answer:?}")
            };
            assert!(!reason.contains(slapd::PASSWORD), "{reason}");
            assert_eq!(password == PasswordFate::Unanswered, asked.contains("password"), "{asked}, {kind:?}: {reason}");
        }))
        .await;
    }
}
