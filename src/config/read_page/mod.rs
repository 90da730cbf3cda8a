//! The parser of page files: one file per noun, each from raw values to settled ones.
//!
//! Queries stay as written. Only their source can check them, and the `pages` room asks it to.

mod access;
mod inputs;
mod kind;
mod page;
mod panel;
#[cfg(test)]
mod tests;

pub(super) use access::read_audience;
pub use page::read_page;
