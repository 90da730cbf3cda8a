use std::time::Duration;

use futures::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::directory;
use super::person::{Sought, steps as person_steps};
use super::report::{Examination, Section, Step, told_once};
use super::server::{Open, Reached};
use super::service::{base, bind, failed, none_is_set};
use super::table::Table;
use crate::config::{DirectoryServers, ServerAddress};
use crate::directory::client::{GroupLookup, LdapDirectory};
use crate::directory::people::GroupMention;
use crate::domain::{GroupRef, Password, Username};

/// How long an examination of one directory may take as a whole: every step of a slow one, and somebody still watches.
const WHOLE: Duration = Duration::from_mins(1);

/// What an examination is to find out beside the directory itself.
#[derive(Clone, Copy, Default)]
pub struct Questions<'a> {
    /// The groups that pages and settings name.
    pub groups: &'a [GroupMention],
    /// Somebody to look up.
    pub person: Option<&'a Username>,
    /// Their password, tried once, where there is no service account to look them up with.
    pub password: Option<&'a Password>,
    /// How the certificate of an unknown CA is saved and then used; `None` where `belvedere doctor` does it.
    pub save_ca: Option<&'a str>,
}

/// What came of a directory, and of its groups: `None` where they could not be looked up.
pub(in crate::directory) struct Examined {
    pub(in crate::directory) examination: Examination,
    pub(in crate::directory) groups: Result<Vec<GroupLookup>, String>,
}

impl LdapDirectory {
    /// Takes every step there is. `groups` are those that this directory is to look up.
    pub(in crate::directory) async fn examine(&self, questions: &Questions<'_>, groups: &[GroupRef]) -> Examined {
        let deadline = Instant::now() + WHOLE;
        let (directory, settings) = (self.name().cloned(), Table::of(self.name()));
        let mut examination = Examination { directory, settings, ..Examination::default() };
        let servers = self.servers_to_examine(&mut examination).await;
        let reached = join_all(servers.iter().map(|server| self.reach_in_time(server, questions, deadline))).await;
        let eyes = self.identify(&servers, reached, &mut examination, deadline).await;
        let mut open = match self.with_eyes(eyes, questions, &mut examination).await {
            Ok(open) => open,
            Err(why) => {
                let mut section = Section::new("the directory");
                section.skip(&["base DN", "lockout policy"], &why);
                examination.sections.push(section);
                return Examined { examination, groups: Err(why) };
            }
        };
        let looked = self.look_around(&mut open, questions.person, groups, &mut examination);
        let groups = match timeout_at(deadline, looked).await {
            Ok(groups) => groups,
            Err(_elapsed) => Err(too_long()),
        };
        Examined { examination, groups }
    }

    /// A connection that may look around: the service account's, or one that serves somebody without it.
    ///
    /// # Errors
    /// Why there is none.
    async fn with_eyes(
        &self,
        eyes: Option<Open>,
        questions: &Questions<'_>,
        examination: &mut Examination,
    ) -> Result<Open, String> {
        let mut section = Section::new(questions.person.map_or_else(String::new, Username::to_string));
        let open = match eyes {
            Some(open) if self.has_service_account() => return Ok(open),
            Some(mut open) => self.bind_as(&mut open, questions, &mut section).await.map(|()| open),
            None if examination.known.is_none() => Err("no server can be asked".to_owned()),
            None => Err("the service account may not bind".to_owned()),
        };
        if let (Err(why), Some(_), []) = (&open, questions.person, section.steps.as_slice()) {
            section.skip(&["person"], why);
        }
        if !section.steps.is_empty() {
            examination.sections.push(section);
        }
        open
    }

    /// The servers that the settings list, or that DNS names.
    async fn servers_to_examine(&self, examination: &mut Examination) -> Vec<ServerAddress> {
        const NAME: &str = "SRV records";
        let listed = self.servers.list().await;
        if let DirectoryServers::Discovered(discovery) = &self.settings.servers {
            let mut section = Section::new(discovery.domain.clone());
            section.note(match &listed {
                Ok(_) => Step::ok(NAME).with_all(self.servers.discovery_report().unwrap_or_default()),
                Err(fault) => {
                    let reason = told_once(fault.reason().unwrap_or("DNS names no server"));
                    let remedy = "correct the domain in url, let this machine ask the domain's own DNS servers (dns), or \
                                  list the servers in url";
                    Step::failure(NAME, reason, remedy)
                }
            });
            examination.sections.push(section);
        }
        listed.map_or_else(|_| Vec::new(), |servers| servers.iter().map(|server| server.address.clone()).collect())
    }

    /// Binds as the service account, at one server after the other, until one judges it unfit: each refusal counts
    /// against the account. Gives the first connection that may look around.
    async fn identify(
        &self,
        servers: &[ServerAddress],
        reached: Vec<Reached>,
        examination: &mut Examination,
        deadline: Instant,
    ) -> Option<Open> {
        const NAME: &str = "service account";
        let (mut eyes, mut refused_at) = (None, None);
        for (server, Reached { mut section, open, authority }) in servers.iter().zip(reached) {
            examination.authority = examination.authority.take().or(authority);
            if let Some(mut open) = open {
                examination.known.get_or_insert_with(|| open.known.clone());
                match (&self.settings.service_account, &refused_at) {
                    (None, _) => {
                        section.note(none_is_set());
                        eyes.get_or_insert(open);
                    }
                    (Some(_), Some(other)) => {
                        section.skip(&[NAME], &format!("refused by {other}, and not tried again lest it be locked"));
                    }
                    (Some(account), None) => {
                        let bound =
                            timeout_at(deadline, bind(&mut open.connection, account, &examination.settings)).await;
                        match bound {
                            Ok(Ok(step)) => {
                                section.note(step);
                                eyes.get_or_insert(open);
                            }
                            Ok(Err((step, judged))) => {
                                section.note(step);
                                refused_at = judged.then_some(server);
                            }
                            Err(_elapsed) => section.skip(&[NAME], &too_long()),
                        }
                    }
                }
            }
            examination.sections.push(section);
        }
        eyes
    }

    /// Everything that somebody who may search can see.
    async fn look_around(
        &self,
        open: &mut Open,
        person: Option<&Username>,
        groups: &[GroupRef],
        examination: &mut Examination,
    ) -> Result<Vec<GroupLookup>, String> {
        let Open { connection, profile, .. } = open;
        let mut section = Section::new("the directory");
        let seen = section.note(base(connection, profile, &self.settings).await);
        section.note(directory::lockout(connection, profile).await);
        examination.sections.push(section);
        if let Some(username) = person {
            let title = username.to_string();
            let mut section = match examination.sections.iter().position(|section| section.title == title) {
                Some(place) => examination.sections.remove(place),
                None => Section::new(title),
            };
            if seen {
                match self.seek(connection, profile, username).await {
                    Ok(sought) => {
                        person_steps(&mut section, username, &sought, &profile.base_dn);
                        if let Sought::One(seen) = sought {
                            examination.seen = Some(*seen);
                        }
                    }
                    Err(fault) => drop(section.note(failed("person", &fault))),
                }
            } else {
                section.skip(&["person"], "nobody can be seen");
            }
            examination.sections.push(section);
        }
        let found = self.lookup_groups_on(connection, profile, groups).await;
        found.map_err(|fault| fault.reason().unwrap_or("the search was refused").to_owned())
    }
}

pub(super) fn too_long() -> String {
    format!("the examination took longer than {} s", WHOLE.as_secs())
}
