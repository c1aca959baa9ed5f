//! The definition of every operation in f64: the oracle of all tests.
//!
//! Nothing here is fast, and nothing here is meant to be: each metric is the line that a textbook would print
//! ([`distance`]), each search a full sort ([`search`]). Beside the value stands [`tau`], how far from it an f32
//! result may lie, and the checkers hold an answer against both: [`check_search`] accepts another order than that of
//! real arithmetic only where two values are so near that f32 cannot be asked to tell them apart, and counts how often.
//!
//! It is public so that users can validate their own device, driver and data:
//!
//! ```
//! use nearfield::reference::{Block, Problem, check_search, search};
//! use nearfield::{Metric, Rows};
//!
//! let base = Block::new(Rows::F32(&[0.0, 0.0, 3.0, 4.0, 1.0, 0.0]), 2)?;
//! let queries = Block::new(Rows::F32(&[0.0, 0.0]), 2)?;
//! let all = |_query, _row| true;
//! assert_eq!(search(&Metric::L2, &queries, &base, 2, all), [[(0, 0.0), (2, 1.0)]]);
//!
//! let problem = Problem { measure: &Metric::L2, queries: &queries, base: &base, eligible: &all };
//! let excused = check_search(&problem, 2, &[vec![(0, 0.0), (2, 1.0)]]).expect("these are the nearest");
//! assert_eq!(excused.pairs, 0);
//! assert!(check_search(&problem, 2, &[vec![(0, 0.0), (1, 25.0)]]).is_err());
//! # Ok::<(), nearfield::Error>(())
//! ```

mod block;
mod check;
mod check_range;
mod distance;
mod measure;
mod search;
mod tau;
mod truth;
mod twins;

pub use block::Block;
pub use check::check_search;
pub use check_range::check_range;
pub use distance::{distance, fraction};
pub use measure::{Custom, Measure};
pub use search::{norms, pairwise, range, search, select_k};
pub use tau::{Tau, tau};
pub use truth::{Excused, Problem};
