#![allow(clippy::unwrap_used)]

mod file;
mod house;
mod lifetime;
mod watching;
