//! People and groups as entries: what stands on an account.

use std::io;
use std::time::Duration;

use super::{TreeBuilder, child_dn, parse_dn};
use crate::demo_directory::ids::{self, DemoSid};
use crate::demo_directory::sample::{SampleAccountId, SampleAccountState, SampleGroup, SamplePerson};
use crate::demo_directory::time::{MAX_PASSWORD_AGE, NEVER, to_filetime};
use crate::demo_directory::tree::{DemoEntry, EntryId, escape_rdn};
use crate::domain::Dn;

/// `Domain Users` (MS-DTYP 2.4.2.4).
const DOMAIN_USERS_RID: u32 = 513;
/// `BUILTIN\Users`, of which `Domain Users` is a member.
const BUILTIN_USERS_RID: u32 = 545;

// MS-ADTS 2.2.16, userAccountControl.
const NORMAL_ACCOUNT: u32 = 0x200;
const ACCOUNT_DISABLED: u32 = 0x2;
const PASSWORD_NEVER_EXPIRES: u32 = 0x1_0000;

// MS-ADTS 2.2.12, groupType; the highest bit says that it is a security group.
const GLOBAL_GROUP: i32 = 0x2;
const BUILTIN_LOCAL_GROUP: i32 = 0x1 | 0x4;
const SECURITY_GROUP: i32 = i32::MIN;

// MS-SAMR 2.2.1.9, sAMAccountType.
const TYPE_PERSON: u32 = 0x3000_0000;
const TYPE_GROUP: u32 = 0x1000_0000;
const TYPE_MAILING_LIST: u32 = 0x1000_0001;
const TYPE_ALIAS: u32 = 0x2000_0000;

impl TreeBuilder<'_> {
    pub(super) fn add_system_groups(&mut self) -> io::Result<EntryId> {
        let parent = parse_dn(&format!("CN=Users,{}", self.domain))?;
        let sid = self.domain_sid.with_rid(DOMAIN_USERS_RID);
        let users = self.new_group(&parent, "Domain Users", "Domain Users", sid, GLOBAL_GROUP | SECURITY_GROUP)?;
        let users = self.insert_account("Domain Users", users.with("description", ["All domain users"]))?;

        let parent = parse_dn(&format!("CN=Builtin,{}", self.domain))?;
        let sid = DemoSid::builtin(BUILTIN_USERS_RID);
        let builtin = self.new_group(&parent, "Users", "Users", sid, BUILTIN_LOCAL_GROUP | SECURITY_GROUP)?;
        self.insert_account("Users", builtin)?;
        Ok(users)
    }

    pub(super) fn add_person(&mut self, account: SampleAccountId, person: &SamplePerson) -> io::Result<()> {
        let parent = parse_dn(&format!("OU={},OU=People,{}", escape_rdn(&person.unit), self.domain))?;
        let dn = child_dn(&parent, "CN", &person.common_name)?;
        let rid = self.free_rid(&person.username);
        let sid = self.domain_sid.with_rid(rid);
        let classes = ["top", "person", "organizationalPerson", "user"];
        let implicit = || format!("{}@{}", person.username, self.sample.dns_domain);
        let principal = person.principal.clone().unwrap_or_else(implicit);
        let (control, password_set, expires) = self.state_attributes(person.state);
        let mut entry = self
            .new_entry(dn, Some(parent), &classes, "Person", &format!("account {}", person.username))
            .with("cn", [person.common_name.as_str()])
            .with("name", [person.common_name.as_str()])
            .with("sn", [person.surname.as_str()])
            .with("givenName", [person.given_name.as_str()])
            .with("displayName", [person.display_name.as_str()])
            .with("title", [person.title.as_str()])
            .with("department", [person.unit.as_str()])
            .with("mail", [format!("{}@{}", person.username, self.sample.dns_domain)])
            .with("sAMAccountName", [person.username.as_str()])
            .with("sAMAccountType", [TYPE_PERSON.to_string()])
            .with("userPrincipalName", [principal])
            .with("objectSid", [sid.as_bytes()])
            .with("primaryGroupID", [DOMAIN_USERS_RID.to_string()])
            .with("userAccountControl", [control.to_string()])
            .with("pwdLastSet", [password_set])
            .with("accountExpires", [expires]);
        entry.account = Some(account);
        entry.sid = Some(sid);
        self.insert_account(&person.username, entry)?;
        Ok(())
    }

    /// `userAccountControl`, `pwdLastSet` and `accountExpires` of an account that stands so.
    fn state_attributes(&self, state: SampleAccountState) -> (u32, String, String) {
        const WEEK: Duration = Duration::from_hours(7 * 24);
        // A demo left running for months does not start to expire people by itself.
        let lasting = NORMAL_ACCOUNT | PASSWORD_NEVER_EXPIRES;
        let set_last_week = to_filetime(self.now - WEEK);
        let never = NEVER.to_string();
        match state {
            SampleAccountState::Active | SampleAccountState::Locked => (lasting, set_last_week, never),
            SampleAccountState::Disabled => (lasting | ACCOUNT_DISABLED, set_last_week, never),
            SampleAccountState::AccountExpired => (lasting, to_filetime(self.now - WEEK * 2), to_filetime(self.now - WEEK)),
            SampleAccountState::PasswordExpired => (NORMAL_ACCOUNT, to_filetime(self.now - MAX_PASSWORD_AGE - WEEK), never),
            SampleAccountState::MustChangePassword => (NORMAL_ACCOUNT, "0".to_owned(), never),
        }
    }

    pub(super) fn add_group(&mut self, group: &SampleGroup) -> io::Result<()> {
        let parent = parse_dn(&format!("OU=Groups,{}", self.domain))?;
        let rid = self.free_rid(&group.name);
        let sid = self.domain_sid.with_rid(rid);
        let cn = group.common_name.as_deref().unwrap_or(&group.name);
        let kind = if group.security { GLOBAL_GROUP | SECURITY_GROUP } else { GLOBAL_GROUP };
        let entry = self.new_group(&parent, cn, &group.name, sid, kind)?;
        self.insert_account(&group.name, entry.with("description", [group.description.as_str()]))?;
        Ok(())
    }

    fn new_group(&self, parent: &Dn, cn: &str, account: &str, sid: DemoSid, kind: i32) -> io::Result<DemoEntry> {
        let dn = child_dn(parent, "CN", cn)?;
        let grants = kind & SECURITY_GROUP != 0;
        let account_type = match (grants, kind & BUILTIN_LOCAL_GROUP) {
            (_, BUILTIN_LOCAL_GROUP) => TYPE_ALIAS,
            (true, _) => TYPE_GROUP,
            (false, _) => TYPE_MAILING_LIST,
        };
        let mut entry = self
            .new_entry(dn, Some(parent.clone()), &["top", "group"], "Group", &format!("account {account}"))
            .with("cn", [cn])
            .with("name", [cn])
            .with("sAMAccountName", [account])
            .with("sAMAccountType", [account_type.to_string()])
            .with("groupType", [kind.to_string()])
            .with("objectSid", [sid.as_bytes()]);
        entry.sid = Some(sid);
        entry.is_security_group = grants;
        Ok(entry)
    }

    fn free_rid(&mut self, account: &str) -> u32 {
        let mut rid = ids::rid_from_name(account);
        while !self.rids.insert(rid) {
            rid += 1;
        }
        rid
    }
}
