//! Pages decide who sees what.
//!
//! The [`Shelf`] holds the pages as their files mean them, reloads them when the files change, and keeps a page
//! running when its file turns bad. The door, [`Shelf::open`], is the one place that decides whether a visitor may
//! see a page; everything else gets at a page only through the [`OpenPage`] that it hands out.

mod bar;
mod choice;
mod door;
mod page;
mod probes;
mod rights;
mod samples;
mod shelf;
mod stamp;
mod watcher;

pub use choice::{BadChoice, Choice};
pub use door::{Closed, Listed, OpenPage};
pub use page::Page;
pub use probes::Probe;
pub use rights::{ADMINS, NamedGroup, PageRight, namings};
pub use samples::{lay_out_first, lay_out_samples};
pub use shelf::Shelf;
pub use watcher::Watcher;
