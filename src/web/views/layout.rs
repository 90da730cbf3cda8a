use serde::Serialize;

use crate::domain::Timestamp;
use crate::pages::ListedPage;

use super::auth::Tone;

/// What stands around every page.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::web) struct Layout {
    /// The site's name.
    pub(in crate::web) site: String,
    /// What this page is called.
    pub(in crate::web) title: String,
    /// `light`, `dark` or `system`.
    pub(in crate::web) theme: &'static str,
    /// The pages this visitor may open.
    pub(in crate::web) nav: Vec<NavItem>,
    /// Who is signed in.
    pub(in crate::web) visitor: Option<LayoutVisitor>,
    /// Where *Sign in* leads.
    pub(in crate::web) sign_in_href: String,
    /// The token of a member's forms.
    pub(in crate::web) csrf: String,
    /// The path and query of this page.
    pub(in crate::web) current_url: String,
    /// Whom to ask for help.
    pub(in crate::web) contact: Option<String>,
    /// What this visitor should hear on every page, discreetly.
    pub(in crate::web) banners: Vec<Banner>,
}

/// A sentence under the bar, and perhaps a way to do something about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::web) struct Banner {
    pub(in crate::web) tone: Tone,
    pub(in crate::web) text: String,
    /// Since when it is so, where that matters: told in the reader's zone.
    pub(in crate::web) since_ms: Option<Timestamp>,
    pub(in crate::web) link: Option<BannerLink>,
}

/// Where a note leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::web) struct BannerLink {
    pub(in crate::web) href: &'static str,
    pub(in crate::web) label: &'static str,
}

/// A page in the bar.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web) struct NavItem {
    slug: String,
    title: String,
    href: String,
    current: bool,
    /// Whether it opens after a second factor alone.
    locked: bool,
}

/// The member's name.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web) struct LayoutVisitor {
    pub(in crate::web) name: String,
    pub(in crate::web) username: String,
    pub(in crate::web) is_admin: bool,
    /// Whether their account is one of the program's own.
    pub(in crate::web) is_local: bool,
}

impl NavItem {
    /// The person has just shown their second factor.
    pub(in crate::web) fn unlock(&mut self) {
        self.locked = false;
    }

    pub(in crate::web) fn of(page: &ListedPage, path: &str) -> Self {
        let href = format!("/p/{}", page.slug);
        Self {
            slug: page.slug.to_string(),
            title: page.title.clone(),
            current: path == href,
            locked: page.is_locked(),
            href,
        }
    }
}
