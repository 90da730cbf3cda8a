use crate::config::SourceLocation;
use crate::directory::{DiagnosticStep, GroupMention, ReportSection};
use crate::domain::{Access, AccessReason, Audience, GroupRef, PageSlug, Person, UserRef};

use super::{Page, PageStore};

/// The setting that names admins one by one.
pub const ADMIN_USERS_SETTING: &str = "admins.users";

/// The setting that names the admins' groups.
pub const ADMINS_SETTING: &str = "admins.groups";

/// The setting that names the groups whose people need a second factor.
pub const SECOND_FACTOR_SETTING: &str = "second_factor.groups";

/// A person's right to a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRight {
    /// The page.
    pub slug: PageSlug,
    /// Its title.
    pub title: String,
    /// The reason why they may open it; `None` when they may not.
    pub right: Option<AccessReason>,
    /// Whether it is open to anybody, signed in or not.
    pub is_public: bool,
}

/// A group that a page names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedGroup {
    /// The group as it is written.
    pub group: GroupRef,
    /// Its location in the page's file.
    pub location: SourceLocation,
    /// The page's file, named as for visitors.
    pub file: String,
}

/// A person that a page names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedUser {
    /// The person as they are written.
    pub user: UserRef,
    /// Their location in the page's file.
    pub location: SourceLocation,
}

impl PageStore {
    /// The rights of `person` to each page, by name.
    pub fn rights_of(&self, person: &Person) -> Vec<PageRight> {
        self.pages().iter().map(|page| page_right(page, person)).collect()
    }

    /// The right of `person` to one page; `None` when there is none of that name.
    pub fn right_of(&self, person: &Person, slug: &str) -> Option<PageRight> {
        self.page(slug).map(|page| page_right(&page, person))
    }

    /// Whether a page is open to anybody; `None` when there is none of that name.
    pub fn is_public(&self, slug: &str) -> Option<bool> {
        self.page(slug).map(|page| page.access == Access::Public)
    }

    /// Every group that some page names.
    pub fn named_groups(&self) -> Vec<NamedGroup> {
        let mut named = Vec::new();
        for page in self.pages() {
            let Access::Only(audience) = &page.access else { continue };
            named.extend(audience.groups.iter().map(|group| NamedGroup {
                group: group.clone(),
                location: location_of(&page, &group.to_string()),
                file: page.file_name(),
            }));
        }
        named
    }

    /// Every person that some page names.
    pub fn named_users(&self) -> Vec<NamedUser> {
        let mut named = Vec::new();
        for page in self.pages() {
            let Access::Only(audience) = &page.access else { continue };
            named.extend(
                audience
                    .users
                    .iter()
                    .map(|user| NamedUser { user: user.clone(), location: location_of(&page, &user.to_string()) }),
            );
        }
        named
    }

    /// The pages that somebody may open and why, as the last section of the diagnostics.
    pub fn rights_section(&self, person: &Person) -> ReportSection {
        let step = |page: PageRight| match page.right {
            Some(right) => DiagnosticStep::ok(page.slug.to_string()).with(right.to_string()),
            None => DiagnosticStep::skipped(page.slug.to_string(), "stays closed: none of their groups, nor they, are named"),
        };
        let title = format!("pages for {}", person.username);
        ReportSection { title, steps: self.rights_of(person).into_iter().map(step).collect() }
    }
}

/// Every group that some page, the admins' setting or the one about second factors names, for the directory to look up:
/// without those of local accounts, which are in no directory.
pub fn referenced_groups(page_store: Option<&PageStore>, admins: &Audience) -> Vec<GroupMention> {
    let of_admins =
        admins.groups.iter().map(|group| GroupMention { group: group.clone(), named_by: ADMINS_SETTING.to_owned() });
    let of_pages = page_store.map(PageStore::named_groups).unwrap_or_default();
    let of_pages = of_pages.into_iter().map(|named| GroupMention { group: named.group, named_by: named.file });
    let of_factors = page_store.into_iter().flat_map(|page_store| &page_store.second_factor().groups);
    let of_factors = of_factors.map(|group| GroupMention { group: group.clone(), named_by: SECOND_FACTOR_SETTING.to_owned() });
    of_admins.chain(of_factors).chain(of_pages).filter(|mention| !mention.group.realm().is_local()).collect()
}

fn page_right(page: &Page, person: &Person) -> PageRight {
    PageRight {
        slug: page.slug.clone(),
        title: page.title.clone(),
        right: page.access.reason_for(person),
        is_public: page.access == Access::Public,
    }
}

/// The location of a group's or a person's name in the page's text: the first place after `access` with that name in quotes. A name
/// that is written with escapes is not found so; then the location is the file alone.
fn location_of(page: &Page, name: &str) -> SourceLocation {
    let name = name.to_lowercase();
    // Folding the case of what is not ASCII may change its length, and with it every position behind.
    let text = page.text.to_ascii_lowercase();
    let begin = text.find("access").unwrap_or_default();
    let quoted = ['"', '\''].into_iter().find_map(|quote| {
        let at = text[begin..].find(&format!("{quote}{name}{quote}"))?;
        Some(begin + at..begin + at + name.len() + 2)
    });
    match quoted {
        Some(span) => SourceLocation::text(&page.file, page.text.clone(), span),
        None => SourceLocation::file(&page.file),
    }
}
