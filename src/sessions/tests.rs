#![allow(clippy::unwrap_used, clippy::unchecked_time_subtraction)]

mod begin;
mod cache;
mod contract;
mod file;
mod fixture;
mod full_disk;
mod lifetime;
mod news;
mod revalidation;
mod watching;
