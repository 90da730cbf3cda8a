use std::net::SocketAddr;
use std::time::Duration;

use futures::future::join_all;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::certificate::{self, Expected};
use super::handshake::shake_hands;
use super::person::{Sought, steps as person_steps};
use super::report::{Authority, Examination, Known, Section, Step, told_once};
use super::service::{base, bind, failed, none_is_set};
use super::table::Table;
use super::{directory, reach, root};
use crate::config::{Scheme, ServerAddress, Servers};
use crate::directory::connection::Connection;
use crate::directory::fault::Fault;
use crate::directory::root_dse::Profile;
use crate::directory::tls::Tls;
use crate::directory::{GroupFinding, LdapDirectory, Naming};
use crate::domain::{GroupRef, Password, Username};

/// How long an examination of one directory may take as a whole: every step of a slow one, and somebody still watches.
const WHOLE: Duration = Duration::from_mins(1);

/// The steps at one server, behind the ones that reach it.
const AT_A_SERVER: &[&str] = &["RootDSE", "clock", "service account"];

/// How an unknown CA's certificate is saved and then used, where the settings are there already.
const SAVE_CA: &str = "save it by `belvedere doctor --save-ca corp-ca.pem`, and set ca_file = \"corp-ca.pem\"";

/// What an examination is to find out beside the directory itself.
#[derive(Clone, Copy, Default)]
pub struct Questions<'a> {
    /// The groups that pages and settings name.
    pub groups: &'a [Naming],
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
    pub(in crate::directory) groups: Result<Vec<GroupFinding>, String>,
}

/// One server, as far as strangers may look.
struct Reached {
    section: Section,
    open: Option<Open>,
    authority: Option<Authority>,
}

/// A verified connection to a server that has said what it is.
pub(super) struct Open {
    pub(super) connection: Connection,
    pub(super) profile: Profile,
    known: Known,
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
        if let Servers::Discovered(discovery) = &self.settings.servers {
            let mut section = Section::new(discovery.domain.clone());
            section.note(match &listed {
                Ok(_) => Step::ok(NAME).with_all(self.servers.found().unwrap_or_default()),
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

    async fn reach_in_time(&self, server: &ServerAddress, questions: &Questions<'_>, deadline: Instant) -> Reached {
        if let Ok(reached) = timeout_at(deadline, self.reach_one(server, questions)).await {
            return reached;
        }
        let mut section = Section::new(server.to_string());
        section.note(Step::failure("time", too_long(), "see whether the server is overloaded, then examine again"));
        Reached { section, open: None, authority: None }
    }

    async fn reach_one(&self, server: &ServerAddress, questions: &Questions<'_>) -> Reached {
        let mut reached = Reached { section: Section::new(server.to_string()), open: None, authority: None };
        let patience = self.settings.dial_timeout;
        let addresses = match reach::look_up(&self.dialler.names, server, patience).await {
            Ok((step, addresses)) => {
                reached.section.note(step);
                addresses
            }
            Err(step) => {
                reached.section.note(step);
                reached.section.skip(&["TCP", "TLS"], "its name has no address");
                reached.section.skip(AT_A_SERVER, "its name has no address");
                return reached;
            }
        };
        let stream = match reach::connect(server, &addresses, patience).await {
            Ok((step, stream)) => {
                reached.section.note(step);
                stream
            }
            Err(step) => {
                reached.section.note(step);
                reached.section.skip(&["TLS"], "nothing answers there");
                reached.section.skip(AT_A_SERVER, "nothing answers there");
                return reached;
            }
        };
        let (step, authority) = self.look_at_tls(server, &addresses, stream, questions).await;
        reached.authority = authority;
        if reached.section.note(step) {
            self.open(server, &mut reached).await;
        } else {
            reached.section.skip(AT_A_SERVER, "nothing is said to a server that is not sure to be the right one");
        }
        reached
    }

    async fn look_at_tls(
        &self,
        server: &ServerAddress,
        addresses: &[SocketAddr],
        stream: TcpStream,
        questions: &Questions<'_>,
    ) -> (Step, Option<Authority>) {
        const NAME: &str = "TLS";
        let start_tls = server.scheme == Scheme::Ldap && self.settings.start_tls;
        if server.scheme == Scheme::Ldap && !start_tls {
            return (self.without_tls(addresses), None);
        }
        let tls = match Tls::new(self.settings.ca_file.as_deref()) {
            Ok(tls) => tls,
            Err(fault) => {
                return (Step::failure(NAME, fault.to_string(), "correct ca_file, or write the file"), None);
            }
        };
        let patience = self.settings.dial_timeout;
        let Ok(shaken) = timeout(patience, shake_hands(stream, &server.host, start_tls)).await else {
            let reason = format!("there was no TLS handshake within {patience:?} (dial_timeout)");
            let remedy =
                "check that this port speaks LDAPS (636 does, 389 does not), and that nothing between delays it";
            return (Step::failure(NAME, reason, remedy), None);
        };
        match shaken {
            Ok(shown) => {
                let ca_file = self.settings.ca_file.as_deref();
                let (now, save_ca) = (self.clock.now(), questions.save_ca.unwrap_or(SAVE_CA));
                certificate::judge(&shown, &Expected { host: &server.host, tls: &tls, ca_file, save_ca, now })
            }
            Err(fault) => (certificate::no_handshake(fault, start_tls), None),
        }
    }

    fn without_tls(&self, addresses: &[SocketAddr]) -> Step {
        const NAME: &str = "TLS";
        let reason = "plain LDAP: everybody's password crosses the network readable";
        let remedy = "write an ldaps:// URL in url, or set start_tls = true";
        if addresses.iter().all(|address| address.ip().to_canonical().is_loopback()) {
            Step::skipped(NAME, "plain LDAP, which stays on this machine")
        } else if self.settings.allow_plaintext {
            Step::warning(NAME, reason, format!("{remedy}, and take allow_plaintext out"))
        } else {
            Step::failure(NAME, reason, remedy)
        }
    }

    /// A connection as ever, certificate verified and all, and what the server says of itself over it.
    async fn open(&self, server: &ServerAddress, reached: &mut Reached) {
        let section = &mut reached.section;
        let mut connection = match self.dialler.dial(server).await {
            Ok(connection) => connection,
            Err(fault) => {
                section.note(failed("RootDSE", &fault));
                section.skip(&AT_A_SERVER[1..], "there is no connection");
                return;
            }
        };
        let looked = async {
            let root = root::read(&mut connection).await?;
            let profile = Profile::discover(&self.settings, &mut connection).await?;
            Ok::<_, Fault>((root, profile))
        };
        match looked.await {
            Ok((root, profile)) => {
                let known = root::known(&root, &profile);
                section.note(root::step(&root, &known));
                section.note(root::clock(&root, self.clock.now()));
                reached.open = Some(Open { connection, profile, known });
            }
            Err(fault) => {
                section.note(failed("RootDSE", &fault));
                section.skip(&AT_A_SERVER[1..], "the server does not say what it is");
            }
        }
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
    ) -> Result<Vec<GroupFinding>, String> {
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
        let found = self.find_groups_over(connection, profile, groups).await;
        found.map_err(|fault| fault.reason().unwrap_or("the search was refused").to_owned())
    }
}

fn too_long() -> String {
    format!("the examination took longer than {} s", WHOLE.as_secs())
}
