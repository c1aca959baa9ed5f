//! Rows that are kept beside their codes, in host memory or on the device: what is kept (on the host `rows`, anywhere `place`), how far a code may
//! be from its row (`slack`), how rows come to be kept (`keep`), the rows with most of that (`loose`), what a call asks (`queries`) and does
//! (`call`), how it compares rows (`compare`), for neighbours (`nearest`) or within a radius (`range`), and the search of both (`search`).

mod call;
mod compare;
mod keep;
mod loose;
mod nearest;
mod place;
mod queries;
mod range;
mod rows;
mod search;
mod slack;

pub(super) use call::{Made, Searched};
pub(super) use keep::{keep, slack, times};
pub(super) use place::Kept;
pub(super) use search::submit;
