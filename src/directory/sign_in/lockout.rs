use std::time::Duration;

use ldap3::Scope;

use super::bind_gate::{BindCandidate, LockoutInfo};
use super::failure_budget::UNREADABLE_POLICY;
use super::single_use_password::SingleUsePassword;
use crate::directory::client::{LdapDirectory, LockoutPolicy};
use crate::directory::connection::{
    AdDomain, DirectoryProfile, LdapConnection, OperationFault, OperationKind, SearchRequest, result_code,
};
use crate::directory::people::person;
use crate::directory::schema::{LdapEntry, time};
use crate::domain::Timestamp;

/// The attributes about lockout read of a person about to sign in, besides [`person::ATTRIBUTES`]: the count of wrong passwords,
/// the time of the last, and their own policy, if not the domain's.
pub(in crate::directory) const ATTRIBUTES: &[&str] = &[BAD_PASSWORD_COUNT, BAD_PASSWORD_TIME, RESULTANT_PSO];

const BAD_PASSWORD_COUNT: &str = "badPwdCount";
const BAD_PASSWORD_TIME: &str = "badPasswordTime";
const PASSWORD_LAST_SET: &str = "pwdLastSet";

/// The password settings object that holds for the person, which the server works out (MS-ADTS 3.1.1.4.5).
const RESULTANT_PSO: &str = "msDS-ResultantPSO";

/// The attributes of the domain's policy, on its root: threshold and window.
const DOMAIN_POLICY: [&str; 2] = ["lockoutThreshold", "lockOutObservationWindow"];

/// The attributes of a password settings object's policy: threshold and window.
const PSO_POLICY: [&str; 2] = ["msDS-LockoutThreshold", "msDS-LockoutObservationWindow"];

/// The longest window that Active Directory takes: 99,999 minutes.
const MAX_WINDOW: Duration = Duration::from_mins(99_999);

/// The window of a policy that names none: Active Directory's own default.
const DEFAULT_WINDOW: Duration = Duration::from_mins(30);

/// The largest difference between our clock and the directory's: what Kerberos allows within a domain, by default. A
/// count is stale for us only when it is so by the directory's clock as well.
pub const CLOCK_TOLERANCE: Duration = Duration::from_mins(5);

impl LdapDirectory {
    /// The facts about lockout known now, without asking a server.
    pub(in crate::directory) fn known_lockout(&self, profile: Option<&DirectoryProfile>) -> LockoutInfo {
        let is_ad = profile.is_none_or(|profile| profile.domain.is_some());
        let identifies_before_bind = self.settings.service_account.is_some() || !is_ad;
        LockoutInfo {
            may_be_stricter: !identifies_before_bind && self.lockout_policies.has_settings_objects(),
            ..LockoutInfo::new(self.lockout_policies.domain_policy(), identifies_before_bind)
        }
    }

    /// The candidate whose password is about to be tried, and how near they are to a lockout. Asked over the service
    /// account's `connection`; on other servers than Active Directory nothing is known of it.
    ///
    /// # Errors
    /// When the server does not answer. A policy that may not be read is no fault.
    pub(super) async fn bind_candidate(
        &self,
        profile: &DirectoryProfile,
        connection: &mut LdapConnection,
        entry: &LdapEntry,
    ) -> Result<BindCandidate, OperationFault> {
        let id = person::person_id(&self.realm(), entry);
        let Some(domain) = &profile.domain else { return Ok(BindCandidate::new(id, None)) };
        self.refresh_domain_policy(domain, connection).await?;
        let policy = self.policy_for(connection, entry).await?;
        Ok(BindCandidate {
            failures: failure_count(entry, policy, self.clock.now()),
            failed_at: entry.text(BAD_PASSWORD_TIME).and_then(time::parse_filetime),
            password_set_at: entry.text(PASSWORD_LAST_SET).and_then(time::parse_filetime),
            told_by: connection.server().map(|server| server.address.to_string()),
            ..BindCandidate::new(id, policy)
        })
    }

    /// Reads the policy of somebody who has just signed in as themselves, for the gate's next time; the domain's too, if
    /// that is due. A failure is logged and not theirs.
    pub(super) async fn learn_policy(
        &self,
        domain: &AdDomain,
        own: &mut LdapConnection,
        entry: &LdapEntry,
        bind: &SingleUsePassword<'_>,
    ) {
        let policy = async {
            self.refresh_domain_policy(domain, own).await?;
            self.policy_for(own, entry).await
        };
        match policy.await {
            Ok(Some(policy)) => bind.gate().record_policy(policy),
            Ok(None) => {}
            Err(fault) => tracing::warn!(
                reason = fault.reason(),
                result_code = fault.result_code,
                "the directory's lockout policy could not be read: what was known of it holds on"
            ),
        }
    }

    async fn refresh_domain_policy(&self, domain: &AdDomain, connection: &mut LdapConnection) -> Result<(), OperationFault> {
        let now = self.clock.now();
        if !self.lockout_policies.is_refresh_due(now) {
            return Ok(());
        }
        let policy = read_policy(connection, &domain.dn, DOMAIN_POLICY).await?;
        if self.settings.service_account.is_none() {
            self.lockout_policies.set_settings_objects(has_settings_objects(connection, domain).await?);
        }
        if self.lockout_policies.insert_domain(policy, now) {
            log_policy(domain, policy, self.settings.service_account.is_some());
        }
        Ok(())
    }

    /// The policy that holds for this person: their own password settings object's, or else the domain's.
    async fn policy_for(
        &self,
        connection: &mut LdapConnection,
        entry: &LdapEntry,
    ) -> Result<Option<LockoutPolicy>, OperationFault> {
        let of_domain = self.lockout_policies.domain_policy();
        let Some(dn) = entry.text(RESULTANT_PSO) else { return Ok(of_domain) };
        let now = self.clock.now();
        let own = if let Some(known) = self.lockout_policies.pso_policy(dn, now) {
            known.policy
        } else {
            let read = read_policy(connection, dn, PSO_POLICY).await?;
            if read.is_none() {
                tracing::warn!(
                    pso = dn,
                    "the lockout policy of a password settings object may not be read: three wrong passwords in half an \
                     hour are assumed to lock, or the domain's policy where that is stricter; let the account that \
                     searches read CN=Password Settings Container,CN=System and the objects in it"
                );
            }
            self.lockout_policies.insert_pso(dn, read, now);
            read
        };
        Ok(Some(own.unwrap_or_else(|| of_domain.unwrap_or(UNREADABLE_POLICY).stricter(UNREADABLE_POLICY))))
    }
}

/// Reads the policy that stands at `dn`. `None` where it may not be read.
async fn read_policy(
    connection: &mut LdapConnection,
    dn: &str,
    attributes: [&str; 2],
) -> Result<Option<LockoutPolicy>, OperationFault> {
    let search = SearchRequest { base: dn, scope: Scope::Base, filter: "(objectClass=*)", attributes: &attributes, limit: 1 };
    match connection.search(OperationKind::Search, &search).await {
        Ok(found) => Ok(found.entries.first().and_then(|entry| parse_policy(entry, attributes))),
        Err(fault) if matches!(fault.result_code, Some(result_code::NO_SUCH_OBJECT | result_code::INSUFFICIENT_ACCESS)) => {
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// Whether any account or group is under a password settings object (`msDS-PSOApplied`, MS-ADTS 3.1.1.4.5), as far as may be seen. The
/// objects themselves, and which one holds for whom, are not for everybody.
pub(in crate::directory) async fn has_settings_objects(
    connection: &mut LdapConnection,
    domain: &AdDomain,
) -> Result<bool, OperationFault> {
    let search = SearchRequest {
        base: &domain.dn,
        scope: Scope::Subtree,
        filter: "(msDS-PSOApplied=*)",
        attributes: person::NO_ATTRIBUTES,
        limit: 1,
    };
    Ok(!connection.search(OperationKind::Search, &search).await?.entries.is_empty())
}

/// The domain's policy, as its head tells it. `None` where that may not be read.
pub(in crate::directory) fn parse_domain_policy(head: &LdapEntry) -> Option<LockoutPolicy> {
    parse_policy(head, DOMAIN_POLICY)
}

fn parse_policy(entry: &LdapEntry, [threshold, window]: [&str; 2]) -> Option<LockoutPolicy> {
    let threshold = entry.text(threshold)?.parse().ok()?;
    let window = entry.text(window).map_or(DEFAULT_WINDOW, |window| {
        // What is no length of time is "for ever".
        time::parse_interval(window).unwrap_or(MAX_WINDOW).min(MAX_WINDOW)
    });
    Some(LockoutPolicy { threshold, window })
}

/// The number of wrong passwords that count against the person now. The attribute alone does not tell: a controller
/// sets it back only when the next password is judged (MS-SAMR 3.1.5.14.6).
///
/// Each controller counts for itself, and only the one that holds the PDC role hears of all failures: what is read of
/// another is at most what that one knows.
fn failure_count(entry: &LdapEntry, policy: Option<LockoutPolicy>, now: Timestamp) -> Option<u32> {
    let count = entry.text(BAD_PASSWORD_COUNT)?.parse().ok()?;
    let last = entry.text(BAD_PASSWORD_TIME).and_then(time::parse_filetime);
    let is_stale = policy.zip(last).is_some_and(|(policy, last)| now >= last + policy.window + CLOCK_TOLERANCE);
    Some(if is_stale { 0 } else { count })
}

/// Logs the domain's policy for the admin, as a warning when failed sign-ins cannot be kept below it.
fn log_policy(domain: &AdDomain, policy: Option<LockoutPolicy>, has_account: bool) {
    let domain = domain.dns_name.as_str();
    let Some(LockoutPolicy { threshold, window }) = policy else {
        tracing::warn!(
            domain,
            "the domain's lockout policy may not be read: five wrong passwords in half an hour are assumed to lock; let \
             the account that searches read lockoutThreshold on the domain's head"
        );
        return;
    };
    let window_min = window.as_secs().div_ceil(60);
    match (threshold, has_account) {
        (1, _) => tracing::warn!(
            domain,
            threshold,
            "one wrong password locks an account of this domain, so a single mistyped or malicious sign-in here does as \
             well: raise the domain's lockout threshold, to 5 or more"
        ),
        (2, false) => tracing::warn!(
            domain,
            threshold,
            "two wrong passwords lock an account of this domain, and without a service account two names of one person \
             cannot be told for one: set bind_name, or raise the domain's lockout threshold"
        ),
        (0, _) => tracing::info!(domain, "wrong passwords lock no account of this domain"),
        (_, _) => {
            tracing::info!(domain, threshold, window_min, "failed sign-ins stay below the domain's lockout policy");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
