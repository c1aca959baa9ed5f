//! How far the rows of each list lie from its centroid: of each list the least and the largest distance of a row that it has or had.

use super::assign::Assigned;
use std::sync::Arc;

/// Of one list, as the metric tells distances. Never less wide than the rows there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Span {
    pub least: f32,
    pub most: f32,
}

/// Of a list that has no row.
const EMPTY: Span = Span { least: f32::INFINITY, most: f32::NEG_INFINITY };
/// Of a list of which nothing is known.
const UNKNOWN: Span = Span { least: 0.0, most: f32::INFINITY };

impl Span {
    pub fn is_empty(self) -> bool {
        self.least > self.most
    }

    fn with(self, other: Span) -> Span {
        Span { least: self.least.min(other.least), most: self.most.max(other.most) }
    }
}

/// Of all lists.
#[derive(Clone, Debug)]
pub(crate) struct Reach(Arc<Vec<Span>>);

impl Reach {
    /// Of rows in the lists of these labels, so far from their centroids.
    pub fn of_rows(nlist: usize, labels: &[u32], distances: Vec<f32>) -> Reach {
        Reach::empty(nlist).with(&Assigned { labels: labels.to_vec(), distances })
    }

    pub fn empty(nlist: usize) -> Reach {
        Reach(Arc::new(vec![EMPTY; nlist]))
    }

    /// With more rows, which lie in the lists that they were assigned to.
    pub(super) fn with(&self, rows: &Assigned) -> Reach {
        self.with_labelled(rows, &rows.labels)
    }

    /// With more rows, which lie in the lists of these labels, whatever is the nearest.
    pub(super) fn with_labelled(&self, rows: &Assigned, labels: &[u32]) -> Reach {
        let mut spans = Arc::clone(&self.0);
        let all = Arc::make_mut(&mut spans);
        for ((&nearest, &distance), &label) in rows.labels.iter().zip(&rows.distances).zip(labels) {
            let known = nearest == label && distance.is_finite();
            let own = if known { Span { least: distance, most: distance } } else { UNKNOWN };
            if let Some(span) = all.get_mut(label as usize) {
                *span = span.with(own);
            }
        }
        Reach(spans)
    }

    pub(super) fn of(&self, list: usize) -> Span {
        self.0.get(list).copied().unwrap_or(UNKNOWN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_grow_and_know_what_they_do_not_know() {
        let rows = |labels: &[u32], distances: &[f32]| Assigned {
            labels: labels.to_vec(),
            distances: distances.to_vec(),
        };
        let reach = Reach::empty(4).with(&rows(&[0, 2, 0], &[3.0, 5.0, 1.0]));
        assert_eq!(reach.of(0), Span { least: 1.0, most: 3.0 });
        assert_eq!(reach.of(2), Span { least: 5.0, most: 5.0 });
        assert!(reach.of(1).is_empty() && !reach.of(0).is_empty());
        // at no finite distance, and in another list than the nearest
        let far = reach.with(&rows(&[1], &[f32::INFINITY]));
        assert_eq!((far.of(1), far.of(0)), (UNKNOWN, reach.of(0)));
        let other = reach.with_labelled(&rows(&[1, 0], &[2.0, 9.0]), &[3, 0]);
        assert_eq!((other.of(3), other.of(1)), (UNKNOWN, EMPTY));
        assert_eq!(other.of(0), Span { least: 1.0, most: 9.0 });
        assert_eq!(reach.of(0), Span { least: 1.0, most: 3.0 });
    }
}
