#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction)]

mod begin;
mod file;
mod house;
mod lifetime;
mod upkeep;
mod watching;
