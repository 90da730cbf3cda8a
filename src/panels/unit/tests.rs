use super::*;

fn read(unit: Unit, value: f64) -> String {
    NumberFormat::new(unit, None).text(value)
}

#[test]
fn bytes_are_read_in_binary_steps() {
    const MIB: f64 = KIB * KIB;
    for (value, text) in [
        (0.0, "0 B"),
        (512.0, "512 B"),
        (41.0, "41 B"),
        (0.25, "0.25 B"),
        (1023.0, "1,023 B"),
        (1024.0, "1.00 KiB"),
        (1023.99 * KIB, "1.00 MiB"),
        (1023.4 * KIB, "1,023 KiB"),
        (-1.5 * MIB, "−1.50 MiB"),
        (11.2 * KIB * MIB, "11.2 GiB"),
        (f64::NAN, "–"),
        (f64::INFINITY, "–"),
    ] {
        assert_eq!(read(Unit::Bytes, value), text, "{value}");
    }
    assert_eq!(read(Unit::BytesPerSecond, 41.0 * KIB), "41.0 KiB/s");
    assert_eq!(read(Unit::BytesPerSecond, 0.0), "0 B/s");
}

#[test]
fn bits_are_read_in_decimal_steps() {
    assert_eq!(read(Unit::BitsPerSecond, 12.3e6), "12.3 Mbit/s");
    assert_eq!(read(Unit::BitsPerSecond, 999.0), "999 bit/s");
    assert_eq!(read(Unit::BitsPerSecond, 999_999.0), "1.00 Mbit/s");
    assert_eq!(read(Unit::BitsPerSecond, 1e40), "1.00 × 10²⁵ Pbit/s");
}

#[test]
fn seconds_are_read_as_people_say_them() {
    for (value, text) in [
        (0.0, "0 s"),
        (4e-9, "4 ns"),
        (0.000_25, "250 µs"),
        (0.412, "412 ms"),
        (0.041, "41 ms"),
        (0.999_9, "1.00 s"),
        (12.0, "12 s"),
        (1.5, "1.50 s"),
        (59.96, "1 min"),
        (60.0, "1 min"),
        (200.0, "3 min 20 s"),
        (3_599.7, "1 h"),
        (7_500.0, "2 h 5 min"),
        (86_399.0, "1 d"),
        (5.0 * DAY + 3.0 * HOUR + 60.0, "5 d 3 h"),
        (1284.4 * DAY, "1,284 d"),
        (-200.0, "−3 min 20 s"),
    ] {
        assert_eq!(read(Unit::Seconds, value), text, "{value}");
    }
}

#[test]
fn units_without_steps_stand_behind_the_number() {
    assert_eq!(NumberFormat::new(Unit::Percent, None).figure(86.4), Figure { text: "86.4".into(), unit: "%".into() });
    assert_eq!(read(Unit::Celsius, 45.0), "45.0 °C");
    assert_eq!(read(Unit::Other("req/s".into()), 1284.0), "1,284 req/s");
    assert_eq!(read(Unit::None, 1284.0), "1,284");
    assert_eq!(read(Unit::None, f64::NAN), "–");
}

#[test]
fn the_author_decides_the_decimals() {
    assert_eq!(NumberFormat::new(Unit::Percent, Some(0)).text(86.4), "86 %");
    assert_eq!(NumberFormat::new(Unit::Bytes, Some(2)).text(11.256 * KIB), "11.26 KiB");
    assert_eq!(NumberFormat::new(Unit::Seconds, Some(1)).text(0.412), "412.0 ms");
    assert_eq!(NumberFormat::new(Unit::Bytes, Some(0)).text(1023.6 * KIB), "1 MiB");
}

#[test]
fn what_an_author_wrote_has_no_more_digits_than_it_needs() {
    assert_eq!(NumberFormat::new(Unit::Percent, Some(2)).minimal_text(80.0), "80 %");
    assert_eq!(NumberFormat::new(Unit::Bytes, None).minimal_text(10.0 * KIB * KIB * KIB), "10 GiB");
    assert_eq!(NumberFormat::new(Unit::Celsius, None).minimal_text(62.5), "62.5 °C");
    assert_eq!(NumberFormat::new(Unit::Seconds, None).minimal_text(90.0), "1 min 30 s");
    assert_eq!(NumberFormat::new(Unit::Percent, None).minimal_text(0.0), "0");
}

#[test]
fn a_chart_is_written_in_one_step() {
    let scale = NumberFormat::new(Unit::Bytes, None).scale_for(3.0 * KIB * KIB);
    assert_eq!((scale.divisor, scale.unit.as_str(), scale.binary), (KIB * KIB, "MiB", true));
    let scale = NumberFormat::new(Unit::Seconds, None).scale_for(2.0 * HOUR);
    assert_eq!((scale.divisor, scale.unit.as_str(), scale.binary), (HOUR, "h", false));
    assert_eq!(NumberFormat::new(Unit::Percent, None).scale_for(50.0).unit, "%");
    assert_eq!(NumberFormat::new(Unit::Seconds, None).scale_for(0.0).unit, "s");
}

#[test]
fn a_number_without_room_is_told_in_thousands_millions_and_billions() {
    let short = |unit: Unit, decimals, value| NumberFormat::new(unit, decimals).short_text(value);
    for (value, text) in [
        (123_456_789_012.0, Some("123 bn")),
        (-123_456_789_012.0, Some("−123 bn")),
        (1_234_567.0, Some("1.23 mn")),
        (999_999_999.0, Some("1.00 bn")),
        (999_994_999_999_999.0, Some("1,000 tn")),
        (123_456.0, None),
        (1284.0, None),
        (-1.5e300, Some("−1.5e300")),
        (f64::NAN, None),
    ] {
        assert_eq!(short(Unit::None, None, value).as_deref(), text, "{value}");
    }
    assert_eq!(short(Unit::Other("EUR".into()), Some(2), 1_234_567.5).as_deref(), Some("1.23 mn"), "the unit stands beside it");
    assert_eq!(short(Unit::Bytes, Some(9), 1_234.5 * KIB).as_deref(), Some("1.21"), "of MiB");
    assert_eq!(short(Unit::Seconds, None, 200.0).as_deref(), Some("3 min"));
    assert_eq!(short(Unit::Seconds, None, 3_599.0).as_deref(), Some("1 h"));
    assert_eq!(short(Unit::Seconds, None, 12.0), None);
}

/// What the front end's tests hold its own code to.
#[test]
fn a_browser_is_told_the_units_by_which_it_writes_values_as_the_server_does() {
    let groups: serde_json::Value = serde_json::from_str(include_str!("../../../tests/js/readout.json")).unwrap();
    for group in groups.as_array().unwrap() {
        let decimals = group["decimals"].as_u64().map(|decimals| u8::try_from(decimals).unwrap());
        let format = NumberFormat::new(parse_unit(group["unit"].as_str().unwrap()), decimals);
        assert_eq!(serde_json::to_value(format.readout_units()).unwrap(), group["units"]);
        for value in group["values"].as_array().unwrap() {
            assert_eq!(format.text(value[0].as_f64().unwrap()), value[1].as_str().unwrap());
        }
    }
}
