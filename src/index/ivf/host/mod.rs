//! Rows in host memory whose codes are on the device: what is kept (`rows`), how far a code may be from its row (`slack`), how rows come to be kept (`keep`), the rows with
//! most of that (`loose`), what a call asks (`queries`) and does (`call`), for neighbours (`nearest`)
//! or within a radius (`range`), and the search of both (`search`).

mod call;
mod keep;
mod loose;
mod nearest;
mod queries;
mod range;
mod rows;
mod search;
mod slack;

pub(super) use call::{Made, Searched};
pub(super) use keep::{keep, slack};
pub(super) use rows::KeptRows;
pub(super) use search::submit;
