//! What an index of RaBitQ with originals refuses, and that it stays as it was.

use super::both::gpu;
use super::oracle::probing;
use super::rabitq::PLACES;
use nearfield::{Error, Index, IvfFlat, IvfRaBitQ, Metric, Originals, Rows, Search};

#[test]
fn what_is_refused_changes_nothing() {
    let (gpu, dim) = (gpu(true), 4);
    for bits in 1..4 {
        let index = IvfRaBitQ::new(&gpu, dim, Metric::L2, 2, bits).unwrap();
        let error = index.with_originals(Originals::Host).unwrap_err();
        assert!(error.to_string().contains("4 to 9 bits"), "{error}");
    }
    for kept in PLACES {
        let index = IvfRaBitQ::from_description(&gpu, dim, "IVF2,RaBitQ4", Metric::L2).unwrap();
        let index = index.with_originals(kept).unwrap();
        assert_eq!((&*index.description(), index.originals()), ("IVF2,RaBitQ4", kept));
        assert!(matches!(index.add(&[1.0; 4]), Err(Error::NotTrained)));
        assert!(matches!(index.search(&[1.0; 4], 1), Err(Error::NotTrained)));
        index.train(Rows::F32(&[1.0, 2.0, 3.0, 4.0, 9.0, 8.0, 7.0, 6.0])).unwrap();
        assert!(index.search(&[1.0; 4], 1).unwrap().ids().is_empty());
        index.add(&[]).unwrap();
        index.add(&[1.0, 2.0, 3.0, 5.0]).unwrap();
        assert!(matches!(index.add(&[f32::NAN; 4]), Err(Error::NonFinite { row: 0, .. })));
        // as long as rows may be, which codes that estimate cannot hold
        let long = [1.1e18, 0.0, 0.0, 0.0];
        assert!(index.add(&[[0.5; 4], long].concat()).is_err());
        assert!(index.update(0, Rows::F32(&long)).is_err());
        assert!(index.add_rows(Rows::U8(&[1; 4])).is_err() && index.add(&[1.0; 5]).is_err());
        assert_eq!((index.len(), index.reconstruct(0).unwrap()), (1, vec![1.0, 2.0, 3.0, 5.0]));
        let bad = [[1.0; 4], [f32::INFINITY; 4]].concat();
        assert!(matches!(index.search(&bad, 1), Err(Error::NonFinite { row: 1, column: 0 })));
        let found = index.search_with(Rows::U8(&[1, 2, 3, 5]), 3, &probing(2)).unwrap();
        assert_eq!((found.ids(), found.distances()), (&[0][..], &[0.0][..]));
        assert_eq!(index.search(&[], 4).unwrap().len(), 0);
    }
    for wrong in ["IVF2,SQ8", "Flat", "IVF2,RaBitQ10"] {
        let made = IvfRaBitQ::from_description(&gpu, dim, wrong, Metric::L2);
        assert!(matches!(made, Err(Error::Unsupported { .. })), "{wrong}");
    }
    let flat = IvfFlat::new(&gpu, dim, Metric::L2, 2).unwrap();
    assert!(!flat.is_trained());
}
