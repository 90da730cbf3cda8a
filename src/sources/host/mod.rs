//! The machine this runs on: CPU, memory, disks, network, temperatures, processes.
//!
//! A query is exactly one name (`cpu.total`) or exactly one placeholder that stands for a name (`{colour.query}`).
//! Only what is asked is looked at, and those who ask in the same quarter of a second share one look. This room
//! never runs a program, and reads nothing but what the system tells everyone about itself.

mod gauge;
mod meters;
mod query;

use async_trait::async_trait;
use sysinfo::{Components, Disks, Networks, System};

use self::gauge::Gauge;
use self::meters::{Cpu, Interfaces, Memory, Mount, Mounts, Processes, Rate, Sensors, labelled, number};
use self::query::{HostQuery, LoadOver, Written};
use super::{Source, SourceError};
use crate::domain::{BoundQuery, Reading};

/// The machine this runs on.
pub(super) struct Host {
    cpu: Gauge<Cpu>,
    memory: Gauge<Memory>,
    mounts: Gauge<Mounts>,
    interfaces: Gauge<Interfaces>,
    sensors: Gauge<Sensors>,
    processes: Gauge<Processes>,
}

impl Host {
    /// Takes the first look at everything that is told by differences.
    ///
    /// # Errors
    /// Why this system cannot be read at all.
    pub(super) fn open() -> Result<Self, String> {
        let system = || System::new().map_err(cannot_read);
        Ok(Self {
            cpu: Gauge::started(Cpu(system()?)),
            memory: Gauge::new(Memory(system()?)),
            mounts: Gauge::new(Mounts(Disks::new().map_err(cannot_read)?)),
            interfaces: Gauge::started(Interfaces::new(Networks::new().map_err(cannot_read)?)),
            sensors: Gauge::new(Sensors(Components::new().map_err(cannot_read)?)),
            processes: Gauge::new(Processes(system()?)),
        })
    }

    async fn answer(&self, query: HostQuery) -> Result<Reading, String> {
        match query {
            HostQuery::CpuTotal => self.cpu.read(Cpu::total).await.map(Reading::Number),
            HostQuery::CpuCores => self.cpu.read(Cpu::cores).await.map(Reading::Numbers),
            HostQuery::Load(over) => load(over).map(Reading::Number),
            HostQuery::MemoryUsed => self.memory(|system| number(system.used_memory())).await,
            HostQuery::MemoryAvailable => self.memory(|system| number(system.available_memory())).await,
            HostQuery::MemoryTotal => self.memory(|system| number(system.total_memory())).await,
            HostQuery::MemoryPercent => self.memory(|system| share(system.used_memory(), system.total_memory())).await,
            HostQuery::SwapUsed => self.memory(|system| number(system.used_swap())).await,
            HostQuery::SwapPercent => self.memory(|system| share(system.used_swap(), system.total_swap())).await,
            HostQuery::DiskUsed => self.disks(|mount| number(mount.used())).await,
            HostQuery::DiskFree => self.disks(|mount| number(mount.free)).await,
            HostQuery::DiskPercent => self.disks(|mount| share(mount.used(), mount.total)).await,
            HostQuery::NetworkIn => self.traffic(|rate| rate.received).await,
            HostQuery::NetworkOut => self.traffic(|rate| rate.sent).await,
            HostQuery::Temperature => self.sensors.read(Sensors::temperatures).await.map(Reading::Numbers),
            HostQuery::Processes => self.processes.read(Processes::table).await.map(Reading::Table),
            HostQuery::Uptime => System::uptime().map(|seconds| Reading::Number(number(seconds))).map_err(cannot_read),
        }
    }

    async fn memory(&self, of: fn(&System) -> f64) -> Result<Reading, String> {
        self.memory.read(|memory| Reading::Number(of(&memory.0))).await
    }

    async fn disks(&self, of: fn(&Mount) -> f64) -> Result<Reading, String> {
        let mounts = self.mounts.read(Mounts::list).await?;
        Ok(Reading::Numbers(mounts.iter().map(|mount| labelled(&mount.at, of(mount))).collect()))
    }

    async fn traffic(&self, of: fn(&Rate) -> f64) -> Result<Reading, String> {
        let rates = self.interfaces.read(Interfaces::rates).await?;
        Ok(Reading::Numbers(rates.iter().map(|(name, rate)| labelled(name, of(rate))).collect()))
    }
}

#[async_trait]
impl Source for Host {
    fn check(&self, query: &str) -> Result<Vec<String>, String> {
        Ok(match Written::parse(query)? {
            Written::Name(_) => Vec::new(),
            Written::Placeholder(key) => vec![key],
        })
    }

    async fn ask(&self, query: &BoundQuery) -> Result<Reading, SourceError> {
        let asked = Written::parse(&query.text).and_then(|written| written.bind(&query.bindings));
        self.answer(asked.map_err(SourceError)?).await.map_err(SourceError)
    }
}

fn load(over: LoadOver) -> Result<f64, String> {
    let load = System::load_average().map_err(cannot_read)?;
    Ok(match over {
        LoadOver::OneMinute => load.one,
        LoadOver::FiveMinutes => load.five,
        LoadOver::FifteenMinutes => load.fifteen,
    })
}

/// Percent of `whole`. Of nothing, nothing is used: a machine without swap has used 0 percent of it.
fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { number(part) / number(whole) * 100.0 }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn cannot_read(fault: sysinfo::Error) -> String {
    format!("the host cannot be read: {fault}")
}

#[cfg(test)]
mod tests;
