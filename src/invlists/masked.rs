//! Probes as a filter of the flat search: for each query the rows of its lists.

use super::assign::Nearest;
use super::lists::InvertedLists;
use crate::call::{EachFilter, Filter, mask_words};
use crate::error::{Error, Result};

/// `filter`, of whose rows those of the probed lists are left to each query.
pub(super) fn filter(lists: &InvertedLists, probes: &Nearest, filter: Filter) -> Result<Filter> {
    let words = mask_words(lists.dataset().len());
    let queries = probes.lims.len() - 1;
    let mut bits = vec![0u32; words * queries];
    let mut probed = vec![false; lists.nlist()];
    for (query, bits) in bits.chunks_mut(words.max(1)).enumerate() {
        let own = &probes.centroids[probes.lims[query]..probes.lims[query + 1]];
        probed.fill(false);
        own.iter().for_each(|&list| probed[list as usize] = true);
        for (first, piece) in lists.all_labels().pieces() {
            for (row, &label) in (first..).zip(piece) {
                bits[row / 32] |= u32::from(probed[label as usize]) << (row % 32);
            }
        }
    }
    match filter.each {
        None => {}
        Some(EachFilter::Words(own)) if own.len() == bits.len() => {
            bits.iter_mut().zip(own).for_each(|(bits, own)| *bits &= own);
        }
        Some(_) => {
            return Err(Error::unsupported("inverted lists", "a prepared filter for each query"));
        }
    }
    Ok(Filter { each: Some(EachFilter::Words(bits)), ..filter })
}
