//! Page files, read: one file per noun, each from raw as written to settled as meant.
//!
//! Queries stay as written. Only their source knows what is in them, and the `pages` room asks it.

mod access;
mod inputs;
mod kind;
mod page;
mod panel;
#[cfg(test)]
mod tests;

pub(super) use access::read_audience;
pub use page::read_page;
