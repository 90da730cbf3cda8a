//! The source `host`: CPU, memory, disks, network, temperatures and processes of this machine.
//!
//! A query is exactly one name (`cpu.total`) or exactly one placeholder that stands for a name (`{colour.query}`).
//! Only what is queried is read, and queries in the same quarter of a second share one refresh. This room never runs a
//! program, and reads nothing but what the system tells everyone about itself.

mod collectors;
mod query;
mod shared_collector;

use async_trait::async_trait;
use sysinfo::{Components, Disks, Networks, System};

use self::collectors::{Cpu, Interfaces, Memory, MountedDisk, Mounts, Processes, Sensors, TrafficRate, labelled, number};
use self::query::{HostQuery, LoadWindow};
use self::shared_collector::SharedCollector;
use super::kind::SourceKind;
use super::{QueryError, Source, SourceError};
use crate::domain::{BoundQuery, Placeholder, Reading};

/// The kind of the source `host`.
pub(super) const KIND: SourceKind = SourceKind::BuiltIn { name: "host", open: |_| Ok(Box::new(Host::open()?)) };

/// The source `host`.
struct Host {
    cpu: SharedCollector<Cpu>,
    memory: SharedCollector<Memory>,
    mounts: SharedCollector<Mounts>,
    interfaces: SharedCollector<Interfaces>,
    sensors: SharedCollector<Sensors>,
    processes: SharedCollector<Processes>,
}

impl Host {
    /// Opens the source, and takes the baseline of what is measured by differences.
    ///
    /// # Errors
    /// Why this system cannot be read at all.
    fn open() -> Result<Self, SourceError> {
        let system = || System::new().map_err(read_error);
        Ok(Self {
            cpu: SharedCollector::with_baseline(Cpu(system()?)),
            memory: SharedCollector::new(Memory(system()?)),
            mounts: SharedCollector::new(Mounts(Disks::new().map_err(read_error)?)),
            interfaces: SharedCollector::with_baseline(Interfaces::new(Networks::new().map_err(read_error)?)),
            sensors: SharedCollector::new(Sensors(Components::new().map_err(read_error)?)),
            processes: SharedCollector::new(Processes(system()?)),
        })
    }

    async fn read(&self, query: HostQuery) -> Result<Reading, SourceError> {
        match query {
            HostQuery::CpuTotal => self.cpu.read(Cpu::total).await.map(Reading::Number),
            HostQuery::CpuCores => self.cpu.read(Cpu::cores).await.map(Reading::Numbers),
            HostQuery::Load(window) => load_average(window).map(Reading::Number),
            HostQuery::MemoryUsed => self.memory(|system| number(system.used_memory())).await,
            HostQuery::MemoryAvailable => self.memory(|system| number(system.available_memory())).await,
            HostQuery::MemoryTotal => self.memory(|system| number(system.total_memory())).await,
            HostQuery::MemoryPercent => self.memory(|system| percentage(system.used_memory(), system.total_memory())).await,
            HostQuery::SwapUsed => self.memory(|system| number(system.used_swap())).await,
            HostQuery::SwapPercent => self.memory(|system| percentage(system.used_swap(), system.total_swap())).await,
            HostQuery::DiskUsed => self.disks(|mount| number(mount.used())).await,
            HostQuery::DiskFree => self.disks(|mount| number(mount.free)).await,
            HostQuery::DiskPercent => self.disks(|mount| percentage(mount.used(), mount.total)).await,
            HostQuery::NetworkIn => self.traffic(|rate| rate.received).await,
            HostQuery::NetworkOut => self.traffic(|rate| rate.sent).await,
            HostQuery::Temperature => self.sensors.read(Sensors::temperatures).await.map(Reading::Numbers),
            HostQuery::Processes => self.processes.read(Processes::table).await.map(Reading::Table),
            HostQuery::Uptime => System::uptime().map(|seconds| Reading::Number(number(seconds))).map_err(read_error),
        }
    }

    async fn memory(&self, figure: fn(&System) -> f64) -> Result<Reading, SourceError> {
        self.memory.read(|memory| Reading::Number(figure(&memory.0))).await
    }

    async fn disks(&self, figure: fn(&MountedDisk) -> f64) -> Result<Reading, SourceError> {
        let mounts = self.mounts.read(Mounts::list).await?;
        Ok(Reading::Numbers(mounts.iter().map(|mount| labelled(&mount.mount_point, figure(mount))).collect()))
    }

    async fn traffic(&self, figure: fn(&TrafficRate) -> f64) -> Result<Reading, SourceError> {
        let rates = self.interfaces.read(Interfaces::rates).await?;
        Ok(Reading::Numbers(rates.iter().map(|(name, rate)| labelled(name, figure(rate))).collect()))
    }
}

#[async_trait]
impl Source for Host {
    fn check(&self, query: &str) -> Result<Vec<Placeholder>, QueryError> {
        Ok(HostQuery::parse(query)?.into_placeholders())
    }

    async fn execute(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        self.read(HostQuery::parse(&query.text)?.bind(&query.bindings, HostQuery::from_name)?).await
    }
}

fn load_average(window: LoadWindow) -> Result<f64, SourceError> {
    let load = System::load_average().map_err(read_error)?;
    Ok(match window {
        LoadWindow::OneMinute => load.one,
        LoadWindow::FiveMinutes => load.five,
        LoadWindow::FifteenMinutes => load.fifteen,
    })
}

/// Percent of `whole`. Of nothing, nothing is used: a machine without swap has used 0 percent of it.
fn percentage(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { number(part) / number(whole) * 100.0 }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn read_error(error: sysinfo::Error) -> SourceError {
    SourceError::Broken(format!("the host cannot be read: {error}"))
}

#[cfg(test)]
mod tests;
