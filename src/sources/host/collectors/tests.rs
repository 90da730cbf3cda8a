#![allow(clippy::unwrap_used)]

use super::*;

fn mount(device: &str, file_system: &str, at: &str, total: u64) -> MountedDisk {
    MountedDisk {
        device: device.to_owned(),
        file_system: file_system.to_owned(),
        mount_point: at.to_owned(),
        total,
        free: total / 4,
    }
}

#[test]
fn a_disk_is_listed_once_and_what_is_no_disk_not_at_all() {
    let mounts = real_mounts(
        [
            mount("/dev/sda1", "ext4", "/var/lib/docker", 100),
            mount("/dev/sda1", "ext4", "/", 100),
            mount("tmpfs", "tmpfs", "/run", 100),
            mount("overlay", "overlay", "/var/lib/docker/overlay2/x/merged", 100),
            mount("/dev/sdb1", "xfs", "/data", 200),
            mount("/dev/sr0", "iso9660", "/media", 0),
        ]
        .into_iter(),
    );
    let at: Vec<_> = mounts.iter().map(|mount| mount.mount_point.as_str()).collect();
    assert_eq!(at, ["/", "/data"]);
    assert_eq!(mounts[1].used(), 150);
}

#[test]
fn in_a_container_the_layered_root_is_the_disk() {
    let mounts = real_mounts([mount("overlay", "overlay", "/", 100)].into_iter());
    assert_eq!(mounts.len(), 1);
}

#[test]
fn traffic_is_counted_over_the_time_that_really_passed() {
    let counted = |received, sent| TrafficCounters { received, sent };
    let before = [("eth0".to_owned(), counted(1000, 500)), ("gone".to_owned(), counted(1, 1))].into();
    let now = [("eth0".to_owned(), counted(4000, 100)), ("new".to_owned(), counted(9, 9))].into();
    let rates = rates_between(&before, &now, Duration::from_millis(1500));
    assert_eq!(rates.len(), 1);
    assert_eq!(rates["eth0"], TrafficRate { received: 2000.0, sent: 0.0 });
}

#[test]
fn loopback_and_idle_interfaces_show_only_when_there_is_nothing_else() {
    let mut interfaces = Interfaces::new(Networks::new().unwrap());
    let rate = TrafficRate { received: 1.0, sent: 1.0 };
    interfaces.rates = [("lo".to_owned(), rate)].into();
    assert_eq!(interfaces.rates().len(), 1);
    interfaces.rates.insert("ifb0".to_owned(), rate);
    interfaces.counters = [("ifb0".to_owned(), TrafficCounters { received: 0, sent: 0 })].into();
    assert_eq!(interfaces.rates().len(), 2, "an interface that never carried a byte is not something else");
    interfaces.rates.insert("eth0".to_owned(), rate);
    interfaces.counters.insert("eth0".to_owned(), TrafficCounters { received: 9, sent: 9 });
    assert_eq!(interfaces.rates(), [("eth0".to_owned(), rate)]);
    assert!(is_loopback("lo0") && !is_loopback("lowpan0") && !is_loopback("eth0"));
}
