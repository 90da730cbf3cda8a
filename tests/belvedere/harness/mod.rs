//! What the tests are written in: houses, visitors, boards, browsers, and the real servers beside them.

pub mod board;
pub mod demo;
pub mod house;
pub mod visitor;
