//! What must hold: some of it at every moment, all of it once everything works again and some time has passed.

use std::time::{Duration, Instant};

use ldap3::{LdapConnAsync, Scope, SearchEntry};
use reqwest::StatusCode;

use super::members::SessionFate;
use super::world::{USERNAMES, World};

/// By when all must hold at the end: generous, for a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// How often it is looked meanwhile, and how much time passes then.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
const PASS: Duration = Duration::from_secs(20);

/// How many looks there are before time passes again: what is on its way arrives.
const LOOKS: usize = 10;

impl World {
    /// Checks what may not be so even for a moment: no account is locked, and nobody is sent away whose session lives.
    pub(super) async fn holds_safe(&self) {
        let locked = self.locked().await;
        assert!(locked.is_empty(), "more wrong passwords than an account has: {locked:?} {:?}", self.counts);
        for member in self.people.0.iter().filter(|member| member.fate == SessionFate::Lives) {
            assert_eq!(member.viewer.seen().end, None, "the viewer of a session that lives: {:?}", member.viewer.seen());
        }
    }

    /// Heals everything, and waits until all holds that must.
    pub(super) async fn settles(&mut self) {
        self.heal().await;
        self.start_all().await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.time.pass(PASS).await;
            for _ in 0..LOOKS {
                let Some(wrong) = self.first_wrong().await else { return };
                assert!(Instant::now() < deadline, "{wrong} {:?}", self.counts);
                tokio::time::sleep(LOOK_INTERVAL).await;
            }
        }
    }

    /// The first thing that is not as it must be at the end.
    async fn first_wrong(&mut self) -> Option<String> {
        let mut figures = Vec::new();
        for index in 0..self.people.0.len() {
            for node in 0..self.cluster.nodes.len() {
                let address = self.cluster.nodes[node].address;
                let member = &mut self.people.0[index];
                let wanted = match member.fate {
                    SessionFate::Lives => StatusCode::OK,
                    SessionFate::Ended | SessionFate::EndedAt(_) => StatusCode::UNAUTHORIZED,
                    SessionFate::Unknown => continue,
                };
                let answer = member.at(address).fetches("/api/v1/pages/members").await;
                if answer.status != wanted {
                    return Some(format!("session {index} ({:?}) at node {node}: {}", member.fate, answer.status));
                }
                if answer.status == StatusCode::OK {
                    let page = answer.json();
                    let panel = &page["panels"]["count"];
                    if !panel["trouble"].is_null() {
                        return Some(format!("node {node}: {panel}"));
                    }
                    figures.push((page["title"].to_string(), panel["view"]["figure"]["text"].as_str().map(str::to_owned)));
                }
            }
        }
        figures.dedup();
        if figures.len() > 1 {
            return Some(format!("the nodes show different pages: {figures:?}"));
        }
        let shown = figures.pop().and_then(|(_, shown)| shown);
        self.people.0.iter().enumerate().find_map(|(index, member)| {
            let seen = member.viewer.seen();
            let is_right = match member.fate {
                SessionFate::Lives => seen.end.is_none() && seen.shown == shown,
                SessionFate::Ended | SessionFate::EndedAt(_) => seen.end.is_some(),
                SessionFate::Unknown => true,
            };
            (!is_right).then(|| format!("viewer {index} ({:?}), where {shown:?} is shown: {seen:?}", member.fate))
        })
    }

    /// The accounts that the directory has locked.
    async fn locked(&self) -> Vec<String> {
        let (connection, mut ldap) = LdapConnAsync::new(&self.cluster.directory.url()).await.unwrap();
        ldap3::drive!(connection);
        ldap.simple_bind("svc-reader@belvedere.example", "svc-reader-demo").await.unwrap().success().unwrap();
        let search = ldap.search("DC=belvedere,DC=example", Scope::Subtree, "(lockoutTime>=1)", vec!["sAMAccountName"]);
        let (found, _) = search.await.unwrap().success().unwrap();
        ldap.unbind().await.unwrap();
        let names = found.into_iter().filter_map(|entry| SearchEntry::construct(entry).attrs.remove("sAMAccountName")?.pop());
        names.filter(|name| USERNAMES.contains(&name.as_str())).collect()
    }
}
