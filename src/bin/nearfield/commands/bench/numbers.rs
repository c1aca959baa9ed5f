//! A number of a suite, or several of which each makes a case.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a number or a list of numbers")]
pub enum Numbers {
    One(usize),
    Many(Vec<usize>),
}

impl Numbers {
    pub fn list(&self) -> &[usize] {
        match self {
            Numbers::One(number) => std::slice::from_ref(number),
            Numbers::Many(numbers) => numbers,
        }
    }
}
