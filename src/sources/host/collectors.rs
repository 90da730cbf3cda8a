//! The collectors of the machine's parts, through `sysinfo`.

use std::collections::BTreeMap;
use std::time::Duration;

use sysinfo::{Components, Disks, Networks, ProcessRefreshKind, ProcessesToUpdate, System};

use super::shared_collector::Collector;
use crate::domain::{DataTable, LabelledNumber, TableCell, TableColumn};

/// The rows of the table of processes: the busiest fit on a screen or two.
const MAX_PROCESSES: usize = 50;

/// The file systems without files of their own, or in memory: their "free space" is nobody's concern.
const PSEUDO_FILE_SYSTEMS: [&str; 14] = [
    "autofs",
    "cgroup",
    "cgroup2",
    "devtmpfs",
    "efivarfs",
    "fuse.lxcfs",
    "fuse.portal",
    "nsfs",
    "proc",
    "ramfs",
    "squashfs",
    "sysfs",
    "tmpfs",
    "tracefs",
];

/// The layered file system of containers. It is a disk to those who live in it (mounted at `/`), and otherwise
/// shows the disk beneath it once more.
const OVERLAY: &str = "overlay";

pub(super) struct Cpu(pub(super) System);

impl Collector for Cpu {
    const IS_DELTA: bool = true;

    fn refresh(&mut self, _: Option<Duration>) {
        self.0.refresh_cpu_usage();
    }
}

impl Cpu {
    /// Percent of all cores together, 0 to 100.
    pub(super) fn total(&self) -> f64 {
        percent(self.0.global_cpu_usage())
    }

    /// Percent of each core.
    pub(super) fn cores(&self) -> Vec<LabelledNumber> {
        self.0.cpus().iter().map(|core| labelled(core.name(), percent(core.usage()))).collect()
    }
}

pub(super) struct Memory(pub(super) System);

impl Collector for Memory {
    const IS_DELTA: bool = false;

    fn refresh(&mut self, _: Option<Duration>) {
        self.0.refresh_memory();
    }
}

pub(super) struct Mounts(pub(super) Disks);

impl Collector for Mounts {
    const IS_DELTA: bool = false;

    fn refresh(&mut self, _: Option<Duration>) {
        self.0.refresh(true);
    }
}

/// A mounted disk. Sizes in bytes; what only the system's own account may still fill counts as used.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MountedDisk {
    pub(super) device: String,
    pub(super) file_system: String,
    pub(super) mount_point: String,
    pub(super) total: u64,
    pub(super) free: u64,
}

impl MountedDisk {
    pub(super) fn used(&self) -> u64 {
        self.total.saturating_sub(self.free)
    }
}

impl Mounts {
    /// The disks, by mount point.
    pub(super) fn list(&self) -> Vec<MountedDisk> {
        real_mounts(self.0.iter().map(|disk| MountedDisk {
            device: disk.name().to_string_lossy().into_owned(),
            file_system: disk.file_system().to_string_lossy().into_owned(),
            mount_point: disk.mount_point().to_string_lossy().into_owned(),
            total: disk.total_space(),
            free: disk.available_space(),
        }))
    }
}

/// The mounts that are disks, each device once, at its shortest mount point.
fn real_mounts(mounts: impl Iterator<Item = MountedDisk>) -> Vec<MountedDisk> {
    let mut devices: BTreeMap<String, MountedDisk> = BTreeMap::new();
    for mount in mounts {
        let pseudo = PSEUDO_FILE_SYSTEMS.contains(&mount.file_system.as_str())
            || (mount.file_system == OVERLAY && mount.mount_point != "/")
            || mount.total == 0;
        if pseudo {
            continue;
        }
        match devices.get(&mount.device) {
            Some(known) if known.mount_point.len() <= mount.mount_point.len() => {}
            _ => {
                devices.insert(mount.device.clone(), mount);
            }
        }
    }
    let mut mounts: Vec<_> = devices.into_values().collect();
    mounts.sort_by(|one, other| one.mount_point.cmp(&other.mount_point));
    mounts
}

/// Network interfaces, their counters at the last refresh, and their rates between the last two.
pub(super) struct Interfaces {
    networks: Networks,
    counters: BTreeMap<String, TrafficCounters>,
    rates: BTreeMap<String, TrafficRate>,
}

#[derive(Clone, Copy, Debug)]
struct TrafficCounters {
    received: u64,
    sent: u64,
}

/// Bytes per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TrafficRate {
    pub(super) received: f64,
    pub(super) sent: f64,
}

impl Interfaces {
    pub(super) fn new(networks: Networks) -> Self {
        Self { networks, counters: BTreeMap::new(), rates: BTreeMap::new() }
    }

    /// Bytes per second by interface. Loopback, and interfaces that never carried a byte, are left out unless there is
    /// nothing else.
    pub(super) fn rates(&self) -> Vec<(String, TrafficRate)> {
        let has_traffic = |name: &String| self.counters.get(name).is_some_and(|traffic| traffic.received + traffic.sent > 0);
        let is_shown = |name: &String| !is_loopback(name) && has_traffic(name);
        let none_shown = !self.rates.keys().any(is_shown);
        self.rates.iter().filter(|(name, _)| none_shown || is_shown(name)).map(|(name, rate)| (name.clone(), *rate)).collect()
    }
}

impl Collector for Interfaces {
    const IS_DELTA: bool = true;

    fn refresh(&mut self, elapsed: Option<Duration>) {
        self.networks.refresh(true);
        let now: BTreeMap<String, TrafficCounters> = self
            .networks
            .iter()
            .map(|(name, data)| {
                let traffic = TrafficCounters { received: data.total_received(), sent: data.total_transmitted() };
                (name.to_string_lossy().into_owned(), traffic)
            })
            .collect();
        self.rates = elapsed.map(|elapsed| rates_between(&self.counters, &now, elapsed)).unwrap_or_default();
        self.counters = now;
    }
}

/// The traffic of each interface per second. A new interface has no rate yet; a counter that went back (an
/// interface set up anew) counts as nothing rather than as a huge number.
fn rates_between(
    before: &BTreeMap<String, TrafficCounters>,
    now: &BTreeMap<String, TrafficCounters>,
    elapsed: Duration,
) -> BTreeMap<String, TrafficRate> {
    let per_second = |now: u64, before: u64| number(now.saturating_sub(before)) / elapsed.as_secs_f64();
    now.iter()
        .filter_map(|(name, now)| {
            let before = before.get(name)?;
            let rate =
                TrafficRate { received: per_second(now.received, before.received), sent: per_second(now.sent, before.sent) };
            Some((name.clone(), rate))
        })
        .collect()
}

fn is_loopback(name: &str) -> bool {
    name == "lo" || name.strip_prefix("lo").is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()))
}

pub(super) struct Sensors(pub(super) Components);

impl Collector for Sensors {
    const IS_DELTA: bool = false;

    fn refresh(&mut self, _: Option<Duration>) {
        self.0.refresh(true);
    }
}

impl Sensors {
    /// Degrees Celsius by sensor. Empty where the machine shows none.
    pub(super) fn temperatures(&self) -> Vec<LabelledNumber> {
        let known = self.0.iter().filter_map(|sensor| Some((sensor.label(), sensor.temperature()?)));
        known.filter(|(_, celsius)| celsius.is_finite()).map(|(label, celsius)| labelled(label, f64::from(celsius))).collect()
    }
}

pub(super) struct Processes(pub(super) System);

impl Collector for Processes {
    const IS_DELTA: bool = true;

    fn refresh(&mut self, _: Option<Duration>) {
        let what = ProcessRefreshKind::nothing().with_cpu().with_memory();
        self.0.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    }
}

impl Processes {
    /// The busiest processes: by CPU, then by memory. CPU is in percent of one core, as `top` shows it.
    pub(super) fn table(&self) -> DataTable {
        let mut processes: Vec<_> = self
            .0
            .processes()
            .values()
            .map(|process| (process.cpu_usage(), process.memory(), process.pid(), process.name()))
            .collect();
        processes.sort_by(|one, other| other.0.total_cmp(&one.0).then(other.1.cmp(&one.1)).then(one.2.cmp(&other.2)));
        processes.truncate(MAX_PROCESSES);
        let column = |name: &str, unit: Option<&str>| TableColumn { name: name.to_owned(), unit: unit.map(str::to_owned) };
        DataTable {
            columns: vec![
                column("pid", None),
                column("name", None),
                column("cpu", Some("percent")),
                column("memory", Some("bytes")),
            ],
            rows: processes
                .into_iter()
                .map(|(cpu, memory, pid, name)| {
                    // The id is a name made of digits: as a number it would be shown with separators.
                    let name = name.to_string_lossy().into_owned();
                    vec![
                        TableCell::Text(pid.to_string()),
                        TableCell::Text(name),
                        TableCell::Number(f64::from(cpu)),
                        TableCell::Number(number(memory)),
                    ]
                })
                .collect(),
        }
    }
}

/// A share in percent, at most 100: rounding in the kernel's counters can make it a hair more.
fn percent(share: f32) -> f64 {
    f64::from(share).clamp(0.0, 100.0)
}

pub(super) fn labelled(label: &str, value: f64) -> LabelledNumber {
    LabelledNumber { label: label.to_owned(), value }
}

/// A count as a reading's number.
#[expect(clippy::cast_precision_loss, reason = "counts of bytes beyond 2^53 may lose their last few")]
pub(super) fn number(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests;
