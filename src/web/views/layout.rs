use serde::Serialize;

use crate::domain::Timestamp;
use crate::pages::ListedPage;
use crate::web::links::Link;

use super::auth::Tone;

/// The layout around every page: site name, navigation, visitor, banners.
#[derive(Clone, Debug, Default, Serialize)]
pub(in crate::web) struct Layout {
    /// The site's name.
    pub(in crate::web) site: String,
    /// The title of this page.
    pub(in crate::web) title: String,
    /// `light`, `dark` or `system`.
    pub(in crate::web) theme: &'static str,
    /// The pages this visitor may open, as they are asked for once in a request.
    #[serde(skip)]
    pub(in crate::web) pages: Vec<ListedPage>,
    /// The same in the bar.
    pub(in crate::web) nav: Vec<NavItem>,
    /// The member who is signed in.
    pub(in crate::web) visitor: Option<LayoutVisitor>,
    /// The address of *Sign in*.
    pub(in crate::web) sign_in_href: Link,
    /// The CSRF token of a member's forms.
    pub(in crate::web) csrf: String,
    /// The path and query of this page.
    pub(in crate::web) current_url: String,
    /// The contact for help.
    pub(in crate::web) contact: Option<String>,
    /// The banners that this visitor sees on every page.
    pub(in crate::web) banners: Vec<Banner>,
}

impl Layout {
    /// The part of it that is the same for everybody who has chosen this theme.
    pub(in crate::web) fn shared(&self) -> Self {
        let (site, title, contact) = (self.site.clone(), self.title.clone(), self.contact.clone());
        Self { site, title, theme: self.theme, contact, ..Self::default() }
    }
}

/// A banner under the bar, and perhaps a link to do something about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::web) struct Banner {
    pub(in crate::web) tone: Tone,
    pub(in crate::web) text: String,
    /// Since when it is so, where that matters: shown in the reader's zone.
    pub(in crate::web) since_ms: Option<Timestamp>,
    pub(in crate::web) link: Option<BannerLink>,
}

/// The link of a banner.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(in crate::web) struct BannerLink {
    pub(in crate::web) href: Link,
    pub(in crate::web) label: &'static str,
}

/// A page in the bar.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web) struct NavItem {
    slug: String,
    title: String,
    href: Link,
    current: bool,
    /// Whether it opens after a second factor alone.
    locked: bool,
}

/// The signed-in member, as the bar shows them.
#[derive(Clone, Debug, Serialize)]
pub(in crate::web) struct LayoutVisitor {
    pub(in crate::web) name: String,
    pub(in crate::web) username: String,
    pub(in crate::web) is_admin: bool,
    /// Whether their account is one of the program's own.
    pub(in crate::web) is_local: bool,
}

impl NavItem {
    pub(in crate::web) fn of(page: &ListedPage, path: &str) -> Self {
        let href = Link::to(format_args!("p/{}", page.slug));
        Self {
            slug: page.slug.to_string(),
            title: page.title.clone(),
            current: path == href.as_str(),
            locked: page.is_locked(),
            href,
        }
    }
}
