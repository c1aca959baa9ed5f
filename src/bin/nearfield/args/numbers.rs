//! Numbers as arguments, and what is wrong with them.

pub fn number(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if !number.is_nan() => Ok(number),
        _ => Err("not a number".into()),
    }
}

pub fn minutes(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|m| *m > 0.0 && *m <= 1e6);
    number.ok_or_else(|| "not a number of minutes such as 5 or 0.5".into())
}

/// What a device can do, in units in which that is some thousands at most: beyond a billion a chart has no scale.
pub fn peak(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|n| (1e-9..=1e9).contains(n));
    number.ok_or_else(|| "not a number from 1e-9 to 1e9".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_above_zero() {
        assert_eq!((minutes("5"), minutes("0.5")), (Ok(5.0), Ok(0.5)));
        assert!(
            ["0", "-0.0", "-1", "nan", "inf", "1e39", "soon"]
                .iter()
                .all(|bad| minutes(bad).is_err())
        );
    }

    #[test]
    fn a_radius_is_any_number() {
        assert_eq!((number("-0.5"), number("1e3")), (Ok(-0.5), Ok(1000.0)));
        assert_eq!((number("1e39"), number("-inf")), (Ok(1e39), Ok(f64::NEG_INFINITY)));
        assert!(number("1e-99").is_ok_and(|r| r > 0.0));
        for bad in ["nan", "-nan", "far", "", " 1"] {
            assert!(number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_peak_is_above_0_and_within_reason() {
        assert_eq!((peak("4800"), peak("1e9")), (Ok(4800.0), Ok(1e9)));
        for bad in ["0", "-0.0", "-1", "1e-320", "1e39", "inf", "nan", "fast"] {
            assert!(peak(bad).is_err(), "{bad}");
        }
    }
}
