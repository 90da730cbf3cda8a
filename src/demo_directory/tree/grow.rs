//! How a sample becomes entries with the attributes Active Directory would give them.

use std::collections::{HashMap, HashSet};
use std::io;

use super::{AccountId, Context, Entry, EntryId, Tree, escape_rdn};
use crate::demo_directory::ids::{self, Sid};
use crate::demo_directory::realm::{PASSWORD_LASTS, generalized_time, interval};
use crate::demo_directory::sample::Sample;
use crate::domain::{Dn, Timestamp};

mod accounts;

pub(super) fn grow(sample: &Sample, now: Timestamp) -> io::Result<Tree> {
    let mut grower = Grower::new(sample, now)?;
    grower.containers()?;
    let domain_users = grower.system_groups()?;
    for (at, person) in sample.people.iter().enumerate() {
        grower.person(AccountId(at), person)?;
    }
    for group in &sample.groups {
        grower.group(group)?;
    }
    grower.configuration()?;
    grower.tie_members(domain_users)
}

struct Grower<'a> {
    sample: &'a Sample,
    now: Timestamp,
    domain: Dn,
    configuration: Dn,
    schema: Dn,
    domain_sid: Sid,
    entries: Vec<Entry>,
    by_dn: HashMap<Dn, EntryId>,
    by_account: HashMap<String, EntryId>,
    rids: HashSet<u32>,
}

impl<'a> Grower<'a> {
    fn new(sample: &'a Sample, now: Timestamp) -> io::Result<Self> {
        let labels: Vec<String> =
            sample.dns_domain.split('.').map(|label| format!("DC={}", escape_rdn(label))).collect();
        let domain = name(&labels.join(","))?;
        let configuration = name(&format!("CN=Configuration,{domain}"))?;
        let schema = name(&format!("CN=Schema,{configuration}"))?;
        Ok(Self {
            sample,
            now,
            domain,
            configuration,
            schema,
            domain_sid: Sid::of_domain(&sample.dns_domain),
            entries: Vec::new(),
            by_dn: HashMap::new(),
            by_account: HashMap::new(),
            rids: HashSet::new(),
        })
    }

    fn containers(&mut self) -> io::Result<()> {
        let domain = self.domain.clone();
        let lockout = self.sample.lockout;
        let head = self
            .draft(domain.clone(), None, &["top", "domain", "domainDNS"], "Domain-DNS", &domain.to_string())
            .with("dc", self.sample.dns_domain.split('.').next())
            .with("name", self.sample.dns_domain.split('.').next())
            .with("objectSid", [self.domain_sid.as_bytes()])
            .with("lockoutThreshold", [lockout.threshold.to_string()])
            .with("lockoutDuration", [interval(lockout.duration)])
            .with("lockOutObservationWindow", [interval(lockout.observation_window)])
            .with("maxPwdAge", [interval(PASSWORD_LASTS)])
            .with("minPwdAge", ["0"])
            .with("minPwdLength", ["7"])
            .with("pwdHistoryLength", ["24"])
            .with("pwdProperties", ["0"]);
        self.plant(head)?;

        self.container(&domain, "CN", "Users", &["top", "container"], "Container")?;
        self.container(&domain, "CN", "Builtin", &["top", "builtinDomain"], "Builtin-Domain")?;
        self.unit(&domain, "Groups")?;
        let people = self.unit(&domain, "People")?;
        let mut units: Vec<&str> = self.sample.people.iter().map(|person| person.unit.as_str()).collect();
        units.sort_unstable();
        units.dedup();
        for unit in units {
            self.unit(&people, unit)?;
        }
        Ok(())
    }

    fn unit(&mut self, parent: &Dn, unit: &str) -> io::Result<Dn> {
        self.container(parent, "OU", unit, &["top", "organizationalUnit"], "Organizational-Unit")
    }

    fn container(&mut self, parent: &Dn, kind: &str, cn: &str, classes: &[&str], category: &str) -> io::Result<Dn> {
        let dn = below(parent, kind, cn)?;
        let naming = if kind == "OU" { "ou" } else { "cn" };
        let entry = self
            .draft(dn.clone(), Some(parent.clone()), classes, category, dn.as_str())
            .with(naming, [cn])
            .with("name", [cn]);
        self.plant(entry)?;
        Ok(dn)
    }

    /// The part of the forest's configuration that says which NetBIOS name stands for which domain
    /// (MS-ADTS 6.1.1.2.1.1).
    fn configuration(&mut self) -> io::Result<()> {
        let configuration = self.configuration.clone();
        let head = self.draft(
            configuration.clone(),
            Some(self.domain.clone()),
            &["top", "configuration"],
            "Configuration",
            configuration.as_str(),
        );
        self.plant(head.with("cn", ["Configuration"]).with("name", ["Configuration"]))?;
        self.container(&configuration, "CN", "Schema", &["top", "dMD"], "DMD")?;
        let classes = ["top", "crossRefContainer"];
        let partitions = self.container(&configuration, "CN", "Partitions", &classes, "Cross-Ref-Container")?;
        let netbios = self.sample.netbios_name.clone();
        // systemFlags 3: a naming context of this forest, and a domain; 1: the first only (MS-ADTS 2.2.10).
        let domain = self.domain.to_string();
        let cross_ref = self.cross_ref(&partitions, &netbios, &domain, "3")?.with("nETBIOSName", [netbios.as_str()]);
        self.plant(cross_ref)?;
        let cross_ref = self.cross_ref(&partitions, "Enterprise Configuration", configuration.as_str(), "1")?;
        self.plant(cross_ref)
    }

    fn cross_ref(&self, parent: &Dn, cn: &str, context: &str, flags: &str) -> io::Result<Entry> {
        let dn = below(parent, "CN", cn)?;
        Ok(self
            .draft(dn.clone(), Some(parent.clone()), &["top", "crossRef"], "Cross-Ref", dn.as_str())
            .with("cn", [cn])
            .with("name", [cn])
            .with("nCName", [context])
            .with("dnsRoot", [self.sample.dns_domain.as_str()])
            .with("systemFlags", [flags]))
    }

    /// An entry with what every entry has. `seed` is what its `objectGUID` is made from.
    fn draft(&self, dn: Dn, parent: Option<Dn>, classes: &[&str], category: &str, seed: &str) -> Entry {
        let context = if dn.is_within(&self.configuration) { Context::Configuration } else { Context::Domain };
        let written = dn.to_string();
        let entry = Entry {
            id: EntryId(0),
            dn,
            parent,
            context,
            account: None,
            sid: None,
            grants: false,
            attributes: Vec::new(),
        };
        entry
            .with("objectClass", classes.iter().copied())
            .with("distinguishedName", [written])
            .with("objectCategory", [format!("CN={category},{}", self.schema)])
            .with("objectGUID", [ids::guid(&format!("{} {seed}", self.sample.dns_domain))])
            .with("whenCreated", [generalized_time(self.now)])
    }

    fn plant_account(&mut self, account: &str, entry: Entry) -> io::Result<EntryId> {
        let id = EntryId(self.entries.len());
        if self.by_account.insert(account.to_lowercase(), id).is_some() {
            return Err(contradiction(&format!("two accounts or groups are called {account:?}; rename one")));
        }
        self.plant(entry)?;
        Ok(id)
    }

    fn plant(&mut self, mut entry: Entry) -> io::Result<()> {
        entry.id = EntryId(self.entries.len());
        if self.by_dn.insert(entry.dn.clone(), entry.id).is_some() {
            return Err(contradiction(&format!("two entries are called {}; rename one", entry.dn)));
        }
        self.entries.push(entry);
        Ok(())
    }

    /// Writes `member` and `memberOf`, when everybody is there.
    fn tie_members(mut self, domain_users: EntryId) -> io::Result<Tree> {
        let mut direct_groups = vec![Vec::new(); self.entries.len()];
        let mut members = vec![Vec::new(); self.entries.len()];
        let system = ("Users".to_owned(), vec!["Domain Users".to_owned()]);
        let groups = self.sample.groups.iter().map(|group| (group.name.clone(), group.members.clone()));
        for (group, names) in groups.chain([system]) {
            let group_id = self.account(&group)?;
            for member in &names {
                let member_id = self.account(member).map_err(|_| {
                    contradiction(&format!("the group {group:?} has a member {member:?} who does not exist; add them"))
                })?;
                direct_groups[member_id.0].push(group_id);
                members[group_id.0].push(member_id);
            }
        }
        let names_of = |ids: &[EntryId], entries: &[Entry]| -> Vec<String> {
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
        Ok(Tree {
            domain: self.domain,
            configuration: self.configuration,
            schema: self.schema,
            entries: self.entries,
            by_dn: self.by_dn,
            direct_groups,
            domain_users,
        })
    }

    fn account(&self, name: &str) -> io::Result<EntryId> {
        let unknown = || contradiction(&format!("nobody is called {name:?}"));
        self.by_account.get(&name.to_lowercase()).copied().ok_or_else(unknown)
    }
}

fn below(parent: &Dn, kind: &str, value: &str) -> io::Result<Dn> {
    name(&format!("{kind}={},{parent}", escape_rdn(value)))
}

fn name(text: &str) -> io::Result<Dn> {
    text.parse().map_err(|fault| contradiction(&format!("{text:?} is {fault}")))
}

fn contradiction(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("the embedded directory's sample: {what}"))
}
