//! Inverted lists: what `assign` says of rows and queries is held against f64, and every answer against a flat index that is told, for
//! each query, which rows lie in the lists that are looked at (`oracle`): the same ids and the same bits.

mod answers;
mod both;
mod card;
mod changes;
mod coded;
mod damage;
mod factory;
mod files;
mod fill;
mod filters;
mod host;
mod merge;
mod on_device;
mod oracle;
mod originals;
mod pq;
mod proof;
mod rabitq;
mod rabitq_refused;
mod refused;
mod residual;
mod shapes;
mod sized;
mod sq;
mod training;
mod tuned;
mod ways;
