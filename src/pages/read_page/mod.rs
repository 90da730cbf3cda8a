//! The parser of page files: one file per noun, each from raw values to settled ones.
//!
//! Panels are read by the room [`panels`](crate::panels). Queries stay as written: only their source can check them, and
//! [`PageStore`](super::PageStore) asks it to.

mod access;
mod inputs;
mod page;
#[cfg(test)]
mod tests;

pub use page::read_page;
