//! How long calls took, and how much of it was the host's.

use std::time::Duration;

/// The time from a call to its return, and the device's part of it.
#[derive(Clone, Copy, Default)]
pub struct CallTime {
    wall: Duration,
    /// By the device's clock; zero where it has none.
    device: Duration,
}

impl CallTime {
    pub fn new(wall: Duration, device_nanoseconds: u64) -> CallTime {
        CallTime { wall, device: Duration::from_nanos(device_nanoseconds) }
    }

    /// Adds another call's.
    pub fn add(&mut self, other: CallTime) {
        self.wall += other.wall;
        self.device += other.device;
    }

    pub fn wall_ms(self) -> f64 {
        milliseconds(self.wall)
    }

    /// `None` where the device has no clock.
    pub fn device_ms(self) -> Option<f64> {
        (!self.device.is_zero()).then(|| milliseconds(self.device))
    }

    /// What is left of the wall time without the device's: checks, copies, submissions, waiting for the device to start and
    /// for the host to notice its end. `None` where the device has no clock.
    ///
    /// 0 where both were measured in different runs or parts of the device's work overlap, and the device's is the longer.
    pub fn host_ms(self) -> Option<f64> {
        self.device_ms().map(|device| (self.wall_ms() - device).max(0.0))
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_s_time_is_what_the_device_leaves() {
        let mut time = CallTime::new(Duration::from_micros(1_500), 900_000);
        assert_eq!((time.wall_ms(), time.device_ms()), (1.5, Some(0.9)));
        assert!((time.host_ms().unwrap() - 0.6).abs() < 1e-12);
        time.add(CallTime::new(Duration::from_micros(500), 100_000));
        assert!((time.host_ms().unwrap() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_host_s_time_is_never_below_zero() {
        assert_eq!(CallTime::new(Duration::from_millis(1), 2_000_000).host_ms(), Some(0.0));
    }

    #[test]
    fn without_a_clock_the_wall_time_stands_alone() {
        let time = CallTime::new(Duration::from_millis(2), 0);
        assert_eq!((time.wall_ms(), time.device_ms(), time.host_ms()), (2.0, None, None));
    }
}
