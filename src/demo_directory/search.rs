//! Searches (RFC 4511 4.5, MS-ADTS 3.1.1.3.1.3).

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapPartialAttribute, LdapResult, LdapResultCode, LdapSearchRequest, LdapSearchResultEntry, LdapSearchScope,
};

use super::filter::{self, DemoFilter};
use super::realm::{DemoRealm, attribute_names};
use super::results;
use super::root_dse;
use super::schema::{self, AttributeSyntax};
use super::tree::DemoEntry;
use crate::domain::Dn;

/// The most entries of one answer: Active Directory's `MaxPageSize`. More take pages.
pub(super) const MAX_RESULTS: usize = 1000;

/// The answer to a search.
pub(super) struct SearchAnswer {
    pub(super) entries: Vec<LdapSearchResultEntry>,
    /// Continuation references, as URLs.
    pub(super) references: Vec<String>,
    pub(super) done: LdapResult,
    pub(super) controls: Vec<LdapControl>,
}

impl SearchAnswer {
    /// Whether nothing comes after this: no further page, and nothing left out.
    fn is_complete(&self) -> bool {
        let goes_on =
            |control: &LdapControl| matches!(control, LdapControl::SimplePagedResults { cookie, .. } if !cookie.is_empty());
        self.done.code == LdapResultCode::Success && !self.controls.iter().any(goes_on)
    }

    fn result_only(done: LdapResult) -> Self {
        Self { entries: Vec::new(), references: Vec::new(), done, controls: Vec::new() }
    }
}

/// Answers a search. Without a bind, only the RootDSE may be read.
pub(super) fn search(
    realm: &DemoRealm,
    bound: bool,
    request: &LdapSearchRequest,
    filter: &DemoFilter,
    controls: &[LdapControl],
) -> SearchAnswer {
    let options = match SearchControls::from_controls(controls) {
        Ok(options) => options,
        Err(refusal) => return SearchAnswer::result_only(refusal),
    };
    if request.base.is_empty() && request.scope == LdapSearchScope::Base {
        return root_dse(realm, request);
    }
    if !bound {
        return SearchAnswer::result_only(results::bind_first());
    }
    let base = match find_base(realm, &request.base) {
        Ok(base) => base,
        Err(refusal) => return SearchAnswer::result_only(refusal),
    };
    let requested = RequestedAttributes::read(&request.attrs);
    if requested.includes("tokenGroups") && request.scope != LdapSearchScope::Base {
        return SearchAnswer::result_only(results::only_at_base());
    }
    let in_scope = realm.tree.entries().filter(|entry| is_in_scope(entry, base, &request.scope));
    let matching = in_scope.filter(|entry| filter.matches(realm, entry));
    let shown = |entry: &DemoEntry| requested.select(realm, entry, request.typesonly);
    let mut found = options.page.collect(matching, request.sizelimit, shown);
    let from_the_top = base.dn == realm.tree.domain && request.scope == LdapSearchScope::Subtree;
    if from_the_top && !options.domain_scope && found.is_complete() {
        found.references.push(format!("ldap://{}/{}", realm.dns_domain, realm.tree.configuration));
    }
    found
}

/// The RootDSE. It has no class that a filter could judge, so every filter finds it.
fn root_dse(realm: &DemoRealm, request: &LdapSearchRequest) -> SearchAnswer {
    let requested = RequestedAttributes::read(&request.attrs);
    let attributes = root_dse::attributes(realm)
        .into_iter()
        .filter(|(name, _)| requested.all || requested.includes(name))
        .map(|(name, values)| attribute(name, values.into_iter().map(String::into_bytes).collect(), request.typesonly))
        .collect();
    let entry = LdapSearchResultEntry { dn: String::new(), attributes };
    SearchAnswer { entries: vec![entry], ..SearchAnswer::result_only(results::success()) }
}

/// The entry at which a search begins: by DN, or by id as `<GUID=…>` or `<SID=…>` (MS-ADTS 3.1.1.3.1.2.4).
fn find_base<'a>(realm: &'a DemoRealm, base: &str) -> Result<&'a DemoEntry, LdapResult> {
    let tree = &realm.tree;
    if let Some(id) = base.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        let (kind, value) = id.split_once('=').ok_or_else(|| results::bad_name(base))?;
        let (attribute, syntax) = match kind.to_ascii_uppercase().as_str() {
            "GUID" => ("objectGUID", AttributeSyntax::Guid),
            "SID" => ("objectSid", AttributeSyntax::Sid),
            _ => return Err(results::bad_name(base)),
        };
        let value = filter::parse_id_text(syntax, value.as_bytes())
            .or_else(|| hex::decode(value).ok())
            .ok_or_else(|| results::bad_name(base))?;
        return tree.find_by_id(attribute, &value).ok_or_else(|| results::no_such_object(""));
    }
    if base.is_empty() {
        // The whole forest is the global catalog's to search, and there is none here.
        return Err(results::no_such_object(""));
    }
    let dn: Dn = base.parse().map_err(|_| results::bad_name(base))?;
    tree.find(&dn).ok_or_else(|| {
        let nearest = tree.nearest_above(&dn);
        results::no_such_object(nearest.map_or("", |entry| entry.dn.as_str()))
    })
}

fn is_in_scope(entry: &DemoEntry, base: &DemoEntry, scope: &LdapSearchScope) -> bool {
    let same_context = entry.context == base.context;
    let below = || same_context && entry.dn.is_within(&base.dn);
    match scope {
        LdapSearchScope::Base => entry.id == base.id,
        LdapSearchScope::OneLevel => same_context && entry.parent.as_ref() == Some(&base.dn),
        LdapSearchScope::Subtree => below(),
        LdapSearchScope::Children => entry.id != base.id && below(),
    }
}

/// The attributes a client asks for (RFC 4511, 4.5.1.8).
struct RequestedAttributes<'a> {
    all: bool,
    named: Vec<&'a str>,
}

impl<'a> RequestedAttributes<'a> {
    fn read(attributes: &'a [String]) -> Self {
        let named: Vec<&str> = attributes.iter().map(String::as_str).collect();
        Self { all: named.is_empty() || named.contains(&"*"), named }
    }

    fn includes(&self, attribute: &str) -> bool {
        self.named.iter().any(|name| name.eq_ignore_ascii_case(attribute))
    }

    fn select(&self, realm: &DemoRealm, entry: &DemoEntry, types_only: bool) -> LdapSearchResultEntry {
        let stored = attribute_names(entry)
            .filter(|name| self.all || self.includes(name))
            .map(|name| (name, realm.values(entry, name).into_owned()));
        let constructed = self
            .named
            .iter()
            .filter_map(|name| schema::attribute(name))
            .filter(|(_, syntax)| *syntax == AttributeSyntax::Constructed)
            .map(|(name, _)| (name, realm.constructed(entry, name)));
        let attributes = stored
            .chain(constructed)
            .filter(|(_, values)| !values.is_empty())
            .map(|(name, values)| attribute(name, values, types_only))
            .collect();
        LdapSearchResultEntry { dn: entry.dn.to_string(), attributes }
    }
}

fn attribute(name: &str, values: Vec<Vec<u8>>, types_only: bool) -> LdapPartialAttribute {
    LdapPartialAttribute { atype: name.to_owned(), vals: if types_only { Vec::new() } else { values } }
}

/// The controls of a search.
struct SearchControls {
    page: PageRequest,
    domain_scope: bool,
}

impl SearchControls {
    fn from_controls(controls: &[LdapControl]) -> Result<Self, LdapResult> {
        let mut options = Self { page: PageRequest::Whole, domain_scope: false };
        for control in controls {
            match control {
                LdapControl::SimplePagedResults { size, cookie } => {
                    options.page = PageRequest::from_control(*size, cookie)?;
                }
                LdapControl::Unknown { oid, .. } if oid == root_dse::DOMAIN_SCOPE => options.domain_scope = true,
                LdapControl::SyncRequest { criticality: true, .. }
                | LdapControl::AdDirsync { .. }
                | LdapControl::ManageDsaIT { criticality: true }
                | LdapControl::PasswordPolicyRequest { criticality: true }
                | LdapControl::SearchOptions { criticality: true, .. }
                | LdapControl::ShowDeleted { criticality: true }
                | LdapControl::SdFlags { criticality: true, .. }
                | LdapControl::ExtendedDn { criticality: true, .. }
                | LdapControl::Unknown { criticality: true, .. } => return Err(results::unknown_critical_control()),
                _ => {}
            }
        }
        Ok(options)
    }
}

/// The part of the result that an answer holds.
enum PageRequest {
    /// All of it, or an error.
    Whole,
    /// One page (RFC 2696). The cookie is the number of entries already sent: the tree never changes.
    Part { size: usize, sent: usize },
}

impl PageRequest {
    fn from_control(size: i64, cookie: &[u8]) -> Result<Self, LdapResult> {
        let size = usize::try_from(size).map_err(|_| results::bad_control())?;
        let sent = match cookie {
            [] => 0,
            cookie => {
                let sent = cookie.try_into().map(u64::from_be_bytes).map_err(|_| results::bad_control())?;
                usize::try_from(sent).map_err(|_| results::bad_control())?
            }
        };
        Ok(PageRequest::Part { size, sent })
    }

    fn collect<'a>(
        &self,
        matching: impl Iterator<Item = &'a DemoEntry>,
        size_limit: i32,
        show: impl Fn(&DemoEntry) -> LdapSearchResultEntry,
    ) -> SearchAnswer {
        let wanted = usize::try_from(size_limit).ok().filter(|limit| *limit > 0).unwrap_or(usize::MAX);
        let (sent, size) = match self {
            PageRequest::Whole => (0, MAX_RESULTS),
            PageRequest::Part { size, sent } => (*sent, (*size).min(MAX_RESULTS)),
        };
        let room = size.min(wanted.saturating_sub(sent));
        let mut rest = matching.skip(sent);
        let entries: Vec<_> = rest.by_ref().take(room).map(show).collect();
        // A page of size zero is how a client says that it wants no more pages (RFC 2696, 3).
        let given_up = matches!(self, PageRequest::Part { size: 0, .. });
        let more = !given_up && rest.next().is_some();
        let sent = sent.saturating_add(entries.len());
        let (is_full, next) = match self {
            PageRequest::Whole => (more, None),
            PageRequest::Part { .. } if more && sent < wanted => (false, Some(sent.to_be_bytes().to_vec())),
            PageRequest::Part { .. } => (more, Some(Vec::new())),
        };
        let controls = next.map(|cookie| LdapControl::SimplePagedResults { size: 0, cookie }).into_iter().collect();
        let done = if is_full { results::too_many() } else { results::success() };
        SearchAnswer { entries, references: Vec::new(), done, controls }
    }
}
