use futures::future::join_all;
use tokio::time::{Instant, timeout_at};

use super::lockout_policy;
use super::person::{PersonLookup, person_steps};
use super::report::{DiagnosticStep, DirectoryReport, ReportSection, without_advice};
use super::request::{DiagnosticsRequest, TOTAL_TIMEOUT, timeout_message};
use super::server::{IdentifiedServer, ServerDiagnosis};
use super::service::{base_dn_step, failed_step, no_service_account_step, service_bind_step};
use super::settings_table::SettingsTable;
use crate::config::{DirectoryServers, ServerAddress};
use crate::directory::client::{GroupLookup, LdapDirectory};
use crate::domain::{GroupRef, Username};

/// The report of a directory, and its group lookups, or why there are none.
pub(in crate::directory) struct Diagnosis {
    pub(in crate::directory) report: DirectoryReport,
    pub(in crate::directory) group_lookups: Result<Vec<GroupLookup>, String>,
}

impl LdapDirectory {
    /// Runs every step on this directory. `groups` are those that it is to look up.
    pub(in crate::directory) async fn diagnose(&self, request: &DiagnosticsRequest<'_>, groups: &[GroupRef]) -> Diagnosis {
        let deadline = Instant::now() + TOTAL_TIMEOUT;
        let (directory, settings) = (self.name().cloned(), SettingsTable::of(self.name()));
        let mut report = DirectoryReport { directory, settings, ..DirectoryReport::default() };
        let servers = self.servers_to_diagnose(&mut report).await;
        let diagnoses = join_all(servers.iter().map(|server| self.diagnose_server_until(server, request, deadline))).await;
        let first = self.bind_service_account(&servers, diagnoses, &mut report, deadline).await;
        let mut identified = match self.bound_connection(first, request, &mut report).await {
            Ok(identified) => identified,
            Err(why) => {
                let mut section = ReportSection::new("the directory");
                section.skip(&["base DN", "lockout policy"], &why);
                report.sections.push(section);
                return Diagnosis { report, group_lookups: Err(why) };
            }
        };
        let steps = self.diagnose_directory(&mut identified, request.person, groups, &mut report);
        let group_lookups = match timeout_at(deadline, steps).await {
            Ok(group_lookups) => group_lookups,
            Err(_elapsed) => Err(timeout_message()),
        };
        Diagnosis { report, group_lookups }
    }

    /// A connection that may search: bound as the service account, or as the person who gave their password.
    ///
    /// # Errors
    /// The reason why there is none.
    async fn bound_connection(
        &self,
        first: Option<IdentifiedServer>,
        request: &DiagnosticsRequest<'_>,
        report: &mut DirectoryReport,
    ) -> Result<IdentifiedServer, String> {
        let mut section = ReportSection::new(request.person.map_or_else(String::new, Username::to_string));
        let identified = match first {
            Some(identified) if self.has_service_account() => return Ok(identified),
            Some(mut identified) => self.bind_as_person(&mut identified, request, &mut section).await.map(|()| identified),
            None if report.known.is_none() => Err("no server can be asked".to_owned()),
            None => Err("the service account may not bind".to_owned()),
        };
        if let (Err(why), Some(_), []) = (&identified, request.person, section.steps.as_slice()) {
            section.skip(&["person"], why);
        }
        if !section.steps.is_empty() {
            report.sections.push(section);
        }
        identified
    }

    /// The servers that the settings list, or that DNS names.
    async fn servers_to_diagnose(&self, report: &mut DirectoryReport) -> Vec<ServerAddress> {
        const NAME: &str = "SRV records";
        let listed = self.servers.list().await;
        if let DirectoryServers::Discovered(discovery) = &self.settings.servers {
            let mut section = ReportSection::new(discovery.domain.clone());
            section.push(match &listed {
                Ok(_) => DiagnosticStep::ok(NAME).with_all(self.servers.discovery_report().unwrap_or_default()),
                Err(fault) => {
                    let reason = without_advice(fault.reason().unwrap_or("DNS names no server"));
                    let remedy = "correct the domain in url, let this machine ask the domain's own DNS servers (dns), or \
                                  list the servers in url";
                    DiagnosticStep::failure(NAME, reason, remedy)
                }
            });
            report.sections.push(section);
        }
        listed.map_or_else(|_| Vec::new(), |servers| servers.iter().map(|server| server.address.clone()).collect())
    }

    /// Binds as the service account, at one server after the other, until one judges it unfit: each refusal counts
    /// against the account. Gives the first connection that may search.
    async fn bind_service_account(
        &self,
        servers: &[ServerAddress],
        diagnoses: Vec<ServerDiagnosis>,
        report: &mut DirectoryReport,
        deadline: Instant,
    ) -> Option<IdentifiedServer> {
        const NAME: &str = "service account";
        let (mut first, mut refused_at) = (None, None);
        for (server, ServerDiagnosis { mut section, identified, authority }) in servers.iter().zip(diagnoses) {
            report.authority = report.authority.take().or(authority);
            if let Some(mut identified) = identified {
                report.known.get_or_insert_with(|| identified.facts.clone());
                match (&self.settings.service_account, &refused_at) {
                    (None, _) => {
                        section.push(no_service_account_step());
                        first.get_or_insert(identified);
                    }
                    (Some(_), Some(other)) => {
                        section.skip(&[NAME], &format!("refused by {other}, and not tried again lest it be locked"));
                    }
                    (Some(account), None) => {
                        let bound = timeout_at(
                            deadline,
                            service_bind_step(&mut identified.connection, &account.reread(), &report.settings),
                        )
                        .await;
                        match bound {
                            Ok(Ok(step)) => {
                                section.push(step);
                                first.get_or_insert(identified);
                            }
                            Ok(Err((step, judged))) => {
                                section.push(step);
                                refused_at = judged.then_some(server);
                            }
                            Err(_elapsed) => section.skip(&[NAME], &timeout_message()),
                        }
                    }
                }
            }
            report.sections.push(section);
        }
        first
    }

    /// The steps over a connection that may search: base DN, lockout policy, person, groups.
    async fn diagnose_directory(
        &self,
        identified: &mut IdentifiedServer,
        person: Option<&Username>,
        groups: &[GroupRef],
        report: &mut DirectoryReport,
    ) -> Result<Vec<GroupLookup>, String> {
        let IdentifiedServer { connection, profile, .. } = identified;
        let mut section = ReportSection::new("the directory");
        let seen = section.push(base_dn_step(connection, profile, &self.settings).await);
        section.push(lockout_policy::lockout_policy_step(connection, profile, self.has_service_account()).await);
        if let Some(domain) = &profile.domain {
            section.push(lockout_policy::password_settings_step(connection, domain).await);
        }
        report.sections.push(section);
        if let Some(username) = person {
            let title = username.to_string();
            let mut section = match report.sections.iter().position(|section| section.title == title) {
                Some(place) => report.sections.remove(place),
                None => ReportSection::new(title),
            };
            if seen {
                match self.lookup_person_on(connection, profile, username).await {
                    Ok(lookup) => {
                        person_steps(&mut section, username, &lookup, &profile.base_dn);
                        if let PersonLookup::Found(seen) = lookup {
                            report.seen = Some(*seen);
                        }
                    }
                    Err(fault) => drop(section.push(failed_step("person", &fault))),
                }
            } else {
                section.skip(&["person"], "nobody can be seen");
            }
            report.sections.push(section);
        }
        let found = self.lookup_groups_on(connection, profile, groups).await;
        found.map_err(|fault| fault.reason().unwrap_or("the search was refused").to_owned())
    }
}
