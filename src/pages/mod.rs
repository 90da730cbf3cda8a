//! Pages: what there is to see, and who may see it.
//!
//! The [`PageStore`] holds the pages as parsed from their files, reloads them when the files change, and keeps a page
//! running when its file turns invalid. The door, [`PageStore::authorize`], is the one place that decides whether a visitor
//! may see a page; everything else gets at a page only through the [`OpenPage`] that it gives.

mod door;
mod entry_fault;
mod folder_fingerprint;
mod input_choice;
mod navigation;
mod page;
mod page_file;
mod page_files;
mod page_store;
mod queries;
mod read_page;
mod rights;
mod samples;
mod watcher;

pub use door::{ListedPage, OpenPage, PageDenied};
pub use input_choice::{InputChoice, InvalidChoice};
pub use page::Page;
pub use page_file::PageFile;
pub use page_store::PageStore;
pub use queries::PageQuery;
pub use read_page::read_page;
pub use rights::{
    ADMIN_USERS_SETTING, ADMINS_SETTING, NamedGroup, NamedUser, PageRight, SECOND_FACTOR_SETTING, referenced_groups,
};
pub use samples::{write_first_page, write_sample_pages};
pub use watcher::PageWatcher;
