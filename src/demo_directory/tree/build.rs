//! Building a tree from a sample: entries with the attributes Active Directory would give them.

use std::collections::{HashMap, HashSet};
use std::io;

use super::{DemoEntry, DemoTree, EntryId, NamingContext, escape_rdn};
use crate::demo_directory::ids::{self, DemoSid};
use crate::demo_directory::sample::{SampleAccountId, SampleDomain};
use crate::demo_directory::time::{MAX_PASSWORD_AGE, to_generalized_time, to_interval};
use crate::domain::{Dn, Timestamp};

mod accounts;

/// Builds the tree of a sample. Times stored on entries are reckoned from `now`.
///
/// # Errors
/// `InvalidInput` when the sample contradicts itself: a name twice, a member that does not exist, a text that cannot be
/// part of a name.
pub(in crate::demo_directory) fn build_tree(sample: &SampleDomain, now: Timestamp) -> io::Result<DemoTree> {
    let mut builder = TreeBuilder::new(sample, now)?;
    builder.add_containers()?;
    let domain_users = builder.add_system_groups()?;
    for (at, person) in sample.people.iter().enumerate() {
        builder.add_person(SampleAccountId(at), person)?;
    }
    for group in &sample.groups {
        builder.add_group(group)?;
    }
    builder.add_configuration()?;
    builder.link_members(domain_users)
}

struct TreeBuilder<'a> {
    sample: &'a SampleDomain,
    now: Timestamp,
    domain: Dn,
    configuration: Dn,
    schema: Dn,
    domain_sid: DemoSid,
    entries: Vec<DemoEntry>,
    by_dn: HashMap<Dn, EntryId>,
    by_account: HashMap<String, EntryId>,
    rids: HashSet<u32>,
}

impl<'a> TreeBuilder<'a> {
    fn new(sample: &'a SampleDomain, now: Timestamp) -> io::Result<Self> {
        let labels: Vec<String> = sample.dns_domain.split('.').map(|label| format!("DC={}", escape_rdn(label))).collect();
        let domain = parse_dn(&labels.join(","))?;
        let configuration = parse_dn(&format!("CN=Configuration,{domain}"))?;
        let schema = parse_dn(&format!("CN=Schema,{configuration}"))?;
        Ok(Self {
            sample,
            now,
            domain,
            configuration,
            schema,
            domain_sid: DemoSid::of_domain(&sample.dns_domain),
            entries: Vec::new(),
            by_dn: HashMap::new(),
            by_account: HashMap::new(),
            rids: HashSet::new(),
        })
    }

    fn add_containers(&mut self) -> io::Result<()> {
        let domain = self.domain.clone();
        let lockout = self.sample.lockout;
        let head = self
            .new_entry(domain.clone(), None, &["top", "domain", "domainDNS"], "Domain-DNS", &domain.to_string())
            .with("dc", self.sample.dns_domain.split('.').next())
            .with("name", self.sample.dns_domain.split('.').next())
            .with("objectSid", [self.domain_sid.as_bytes()])
            .with("lockoutThreshold", [lockout.threshold.to_string()])
            .with("lockoutDuration", [to_interval(lockout.duration)])
            .with("lockOutObservationWindow", [to_interval(lockout.observation_window)])
            .with("maxPwdAge", [to_interval(MAX_PASSWORD_AGE)])
            .with("minPwdAge", ["0"])
            .with("minPwdLength", ["7"])
            .with("pwdHistoryLength", ["24"])
            .with("pwdProperties", ["0"]);
        self.insert(head)?;

        self.add_container(&domain, "CN", "Users", &["top", "container"], "Container")?;
        self.add_container(&domain, "CN", "Builtin", &["top", "builtinDomain"], "Builtin-Domain")?;
        self.add_unit(&domain, "Groups")?;
        let people = self.add_unit(&domain, "People")?;
        let mut units: Vec<&str> = self.sample.people.iter().map(|person| person.unit.as_str()).collect();
        units.sort_unstable();
        units.dedup();
        for unit in units {
            self.add_unit(&people, unit)?;
        }
        Ok(())
    }

    fn add_unit(&mut self, parent: &Dn, unit: &str) -> io::Result<Dn> {
        self.add_container(parent, "OU", unit, &["top", "organizationalUnit"], "Organizational-Unit")
    }

    fn add_container(&mut self, parent: &Dn, kind: &str, cn: &str, classes: &[&str], category: &str) -> io::Result<Dn> {
        let dn = child_dn(parent, kind, cn)?;
        let naming = if kind == "OU" { "ou" } else { "cn" };
        let entry = self
            .new_entry(dn.clone(), Some(parent.clone()), classes, category, dn.as_str())
            .with(naming, [cn])
            .with("name", [cn]);
        self.insert(entry)?;
        Ok(dn)
    }

    /// The part of the forest's configuration that says which NetBIOS name stands for which domain
    /// (MS-ADTS 6.1.1.2.1.1).
    fn add_configuration(&mut self) -> io::Result<()> {
        let configuration = self.configuration.clone();
        let head = self.new_entry(
            configuration.clone(),
            Some(self.domain.clone()),
            &["top", "configuration"],
            "Configuration",
            configuration.as_str(),
        );
        self.insert(head.with("cn", ["Configuration"]).with("name", ["Configuration"]))?;
        self.add_container(&configuration, "CN", "Schema", &["top", "dMD"], "DMD")?;
        let classes = ["top", "crossRefContainer"];
        let partitions = self.add_container(&configuration, "CN", "Partitions", &classes, "Cross-Ref-Container")?;
        let netbios = self.sample.netbios_name.clone();
        // systemFlags 3: a naming context of this forest, and a domain; 1: the first only (MS-ADTS 2.2.10).
        let domain = self.domain.to_string();
        let cross_ref = self.new_cross_ref(&partitions, &netbios, &domain, "3")?.with("nETBIOSName", [netbios.as_str()]);
        self.insert(cross_ref)?;
        let cross_ref = self.new_cross_ref(&partitions, "Enterprise Configuration", configuration.as_str(), "1")?;
        self.insert(cross_ref)
    }

    fn new_cross_ref(&self, parent: &Dn, cn: &str, context: &str, flags: &str) -> io::Result<DemoEntry> {
        let dn = child_dn(parent, "CN", cn)?;
        Ok(self
            .new_entry(dn.clone(), Some(parent.clone()), &["top", "crossRef"], "Cross-Ref", dn.as_str())
            .with("cn", [cn])
            .with("name", [cn])
            .with("nCName", [context])
            .with("dnsRoot", [self.sample.dns_domain.as_str()])
            .with("systemFlags", [flags]))
    }

    /// An entry with what every entry has. `seed` is what its `objectGUID` is made from.
    fn new_entry(&self, dn: Dn, parent: Option<Dn>, classes: &[&str], category: &str, seed: &str) -> DemoEntry {
        let context = if dn.is_within(&self.configuration) { NamingContext::Configuration } else { NamingContext::Domain };
        let written = dn.to_string();
        let entry = DemoEntry {
            id: EntryId(0),
            dn,
            parent,
            context,
            account: None,
            sid: None,
            is_security_group: false,
            attributes: Vec::new(),
        };
        entry
            .with("objectClass", classes.iter().copied())
            .with("distinguishedName", [written])
            .with("objectCategory", [format!("CN={category},{}", self.schema)])
            .with("objectGUID", [ids::guid_from_name(&format!("{} {seed}", self.sample.dns_domain))])
            .with("whenCreated", [to_generalized_time(self.now)])
    }

    fn insert_account(&mut self, account: &str, entry: DemoEntry) -> io::Result<EntryId> {
        let id = EntryId(self.entries.len());
        if self.by_account.insert(account.to_lowercase(), id).is_some() {
            return Err(invalid_sample(&format!("two accounts or groups are called {account:?}; rename one")));
        }
        self.insert(entry)?;
        Ok(id)
    }

    fn insert(&mut self, mut entry: DemoEntry) -> io::Result<()> {
        entry.id = EntryId(self.entries.len());
        if self.by_dn.insert(entry.dn.clone(), entry.id).is_some() {
            return Err(invalid_sample(&format!("two entries are called {}; rename one", entry.dn)));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Writes `member` and `memberOf`, when everybody is there.
    fn link_members(mut self, domain_users: EntryId) -> io::Result<DemoTree> {
        let mut direct_groups = vec![Vec::new(); self.entries.len()];
        let mut members = vec![Vec::new(); self.entries.len()];
        let system = ("Users".to_owned(), vec!["Domain Users".to_owned()]);
        let groups = self.sample.groups.iter().map(|group| (group.name.clone(), group.members.clone()));
        for (group, names) in groups.chain([system]) {
            let group_id = self.find_account(&group)?;
            for member in &names {
                let member_id = self.find_account(member).map_err(|_| {
                    invalid_sample(&format!("the group {group:?} has a member {member:?} who does not exist; add them"))
                })?;
                direct_groups[member_id.0].push(group_id);
                members[group_id.0].push(member_id);
            }
        }
        let names_of = |ids: &[EntryId], entries: &[DemoEntry]| -> Vec<String> {
            ids.iter().map(|id| entries[id.0].dn.to_string()).collect()
        };
        for at in 0..self.entries.len() {
            for (attribute, ids) in [("member", &members[at]), ("memberOf", &direct_groups[at])] {
                let names = names_of(ids, &self.entries);
                if !names.is_empty() {
                    let values = names.into_iter().map(String::into_bytes).collect();
                    self.entries[at].attributes.push((attribute, values));
                }
            }
        }
        Ok(DemoTree {
            domain: self.domain,
            configuration: self.configuration,
            schema: self.schema,
            entries: self.entries,
            by_dn: self.by_dn,
            direct_groups,
            domain_users,
        })
    }

    fn find_account(&self, name: &str) -> io::Result<EntryId> {
        let unknown = || invalid_sample(&format!("nobody is called {name:?}"));
        self.by_account.get(&name.to_lowercase()).copied().ok_or_else(unknown)
    }
}

fn child_dn(parent: &Dn, kind: &str, value: &str) -> io::Result<Dn> {
    parse_dn(&format!("{kind}={},{parent}", escape_rdn(value)))
}

fn parse_dn(text: &str) -> io::Result<Dn> {
    text.parse().map_err(|fault| invalid_sample(&format!("{text:?} is {fault}")))
}

fn invalid_sample(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("the embedded directory's sample: {what}"))
}
