//! Pages decide who sees what.
//!
//! The [`Shelf`] holds the pages as their files mean them, reloads them when the files change, and keeps a page
//! running when its file turns bad. The door, [`Shelf::open`], is the one place that decides whether a visitor may
//! see a page; everything else gets at a page only through the [`OpenPage`] that it hands out.

mod door;
mod folder_fingerprint;
mod input_choice;
mod navigation;
mod page;
mod page_store;
mod queries;
mod rights;
mod samples;
mod watcher;

pub use door::{ListedPage, OpenPage, PageDenied};
pub use input_choice::{InputChoice, InvalidChoice};
pub use page::Page;
pub use page_store::PageStore;
pub use queries::PageQuery;
pub use rights::{ADMINS_SETTING, NamedGroup, PageRight, referenced_groups};
pub use samples::{write_first_page, write_sample_pages};
pub use watcher::PageWatcher;
