//! The state that all connections share: the tree, the accounts, the clock; and the attributes that change with time.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;

use super::accounts::{DemoAccounts, FailureCounter};
use super::sample::{SampleAccountId, SampleAccountState, SampleDomain};
use super::time::{MAX_PASSWORD_AGE, NEVER, hundred_nanoseconds, to_filetime};
use super::tree::{DemoEntry, DemoTree, build_tree};
use crate::domain::{Clock, Timestamp};

// MS-ADTS 3.1.1.4.5.17, msDS-User-Account-Control-Computed.
const COMPUTED_LOCKED: u32 = 0x10;
const COMPUTED_PASSWORD_EXPIRED: u32 = 0x80_0000;

/// The attributes that change while the directory runs. To a client they are stored ones: searchable, and in `*`.
const VOLATILE_ATTRIBUTES: &[&str] = &["badPasswordTime", "badPwdCount", "lockoutTime"];

/// The state that all connections share.
pub(super) struct DemoRealm {
    pub(super) tree: DemoTree,
    pub(super) accounts: DemoAccounts,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) dns_domain: String,
    pub(super) netbios_name: String,
}

impl DemoRealm {
    /// # Errors
    /// `InvalidInput` when the sample contradicts itself.
    pub(super) fn new(sample: &SampleDomain, clock: Arc<dyn Clock>) -> io::Result<Self> {
        let now = clock.now();
        Ok(Self {
            tree: build_tree(sample, now)?,
            accounts: DemoAccounts::new(sample, now),
            clock,
            dns_domain: sample.dns_domain.clone(),
            netbios_name: sample.netbios_name.clone(),
        })
    }

    /// The values of a searchable attribute, by its proper spelling.
    pub(super) fn values<'a>(&self, entry: &'a DemoEntry, attribute: &str) -> Cow<'a, [Vec<u8>]> {
        match entry.account {
            Some(account) if VOLATILE_ATTRIBUTES.contains(&attribute) => {
                let counter = self.accounts.counter(account, self.clock.now());
                Cow::Owned(vec![volatile_value(counter, attribute).into_bytes()])
            }
            _ => Cow::Borrowed(entry.values(attribute)),
        }
    }

    /// The values of an attribute that is only computed when asked for by name (MS-ADTS 3.1.1.4.5).
    pub(super) fn constructed(&self, entry: &DemoEntry, attribute: &str) -> Vec<Vec<u8>> {
        match (attribute, entry.account) {
            ("tokenGroups", _) => self.tree.token_groups(entry),
            ("msDS-PrincipalName", _) => self.principal_name(entry).map(String::into_bytes).into_iter().collect(),
            ("primaryGroupToken", None) => relative_id(entry).map(String::into_bytes).into_iter().collect(),
            ("msDS-User-Account-Control-Computed", Some(account)) => vec![self.computed_control(account).into_bytes()],
            ("msDS-UserPasswordExpiryTimeComputed", Some(account)) => {
                vec![self.password_expiry(entry, account).into_bytes()]
            }
            _ => Vec::new(),
        }
    }

    /// The down-level name: `DEMO\alice`; groups have one too.
    pub(super) fn principal_name(&self, entry: &DemoEntry) -> Option<String> {
        let name = entry.values("sAMAccountName").first()?;
        Some(format!("{}\\{}", self.netbios_name, String::from_utf8_lossy(name)))
    }

    fn computed_control(&self, account: SampleAccountId) -> String {
        let locked = self.accounts.counter(account, self.clock.now()).locked_at.is_some();
        let expired = matches!(
            self.accounts.state(account),
            SampleAccountState::PasswordExpired | SampleAccountState::MustChangePassword
        );
        let bits = if locked { COMPUTED_LOCKED } else { 0 } | if expired { COMPUTED_PASSWORD_EXPIRED } else { 0 };
        bits.to_string()
    }

    fn password_expiry(&self, entry: &DemoEntry, account: SampleAccountId) -> String {
        match self.accounts.state(account) {
            SampleAccountState::MustChangePassword => "0".to_owned(),
            SampleAccountState::PasswordExpired => {
                let set = entry.values("pwdLastSet").first().and_then(|set| std::str::from_utf8(set).ok()?.parse().ok());
                set.map_or(0, |set: i64| set.saturating_add(hundred_nanoseconds(MAX_PASSWORD_AGE))).to_string()
            }
            _ => NEVER.to_string(),
        }
    }
}

/// The names of the attributes that `*` stands for.
pub(super) fn attribute_names(entry: &DemoEntry) -> impl Iterator<Item = &'static str> {
    let moving = if entry.account.is_some() { VOLATILE_ATTRIBUTES } else { &[] };
    entry.attribute_names().chain(moving.iter().copied())
}

fn volatile_value(counter: FailureCounter, attribute: &str) -> String {
    let moment = |moment: Option<Timestamp>| moment.map_or_else(|| "0".to_owned(), to_filetime);
    match attribute {
        "lockoutTime" => moment(counter.locked_at),
        "badPasswordTime" => moment(counter.last_failure),
        _ => counter.count.to_string(),
    }
}

/// The last part of the entry's SID.
fn relative_id(entry: &DemoEntry) -> Option<String> {
    entry.values("groupType").first()?;
    let sid = entry.values("objectSid").first()?;
    let rid = sid.last_chunk::<4>()?;
    Some(u32::from_le_bytes(*rid).to_string())
}
