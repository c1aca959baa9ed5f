//! Files of lists: what is written is read, and what they say of themselves.

use super::oracle::{Twin, asked, bits, probing};
use crate::support::{gpu, own_gpu, rows};
use nearfield::{
    DType, Error, Flat, Index, IndexInfo, IvfFlat, ListSizes, Metric, Search, SearchParams,
    read_index,
};

const DIM: usize = 5;

#[test]
fn what_is_written_is_read_and_nothing_is_assigned_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lists");
    for (metric, dtype) in
        [(Metric::L2, DType::F32), (Metric::Cosine, DType::Bf16), (Metric::Lp(3.0), DType::I8)]
    {
        let all = rows(400, DIM, &metric, dtype, 1);
        let mut twin = Twin::trained(&gpu(), &metric, DIM, 30, all.rows());
        twin.remove(&(0..400).step_by(5).collect::<Vec<_>>());
        twin.ivf.set_nprobe(3).unwrap();
        twin.ivf.write(&path).unwrap();
        // on another device, and as whatever it is
        let again = IvfFlat::read(&own_gpu(), &path).unwrap();
        assert_eq!((again.nlist(), again.nprobe(), again.len()), (30, 3, 320));
        assert_eq!(again.centroids().unwrap(), twin.ivf.centroids().unwrap());
        assert_eq!(again.list_sizes(), twin.ivf.list_sizes());
        assert_eq!(again.ids(), twin.ivf.ids());
        let any = read_index(&gpu(), &path).unwrap();
        assert_eq!((any.description(), any.is_trained()), ("IVF30,Flat".to_owned(), true));
        let queries = all.rows().slice(DIM, 0..20);
        // the index's own number of lists, which the file keeps
        let expected = twin.ivf.search_with(queries, 9, &probing(3)).unwrap();
        for index in [&twin.ivf as &dyn Index, &again, &*any] {
            let found = index.search_with(queries, 9, &SearchParams::new()).unwrap();
            assert_eq!((bits(&found), found.stats().ivf.nprobe), (bits(&expected), 3));
            let more = index.search_with(queries, 9, &probing(7)).unwrap();
            assert_eq!(bits(&more), bits(&twin.ivf.search_with(queries, 9, &probing(7)).unwrap()));
        }
        // and it goes on
        let more = rows(30, DIM, &metric, dtype, 2);
        assert_eq!(any.add_rows(more.rows()).unwrap(), 400..430);
        twin.ivf = again;
        twin.add(more.rows());
        twin.check(queries, asked(4, 10));
    }
}

#[test]
fn an_index_without_centroids_or_without_rows_is_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lists");
    let index = IvfFlat::new(&gpu(), DIM, Metric::L2, 77).unwrap();
    index.set_nprobe(100).unwrap();
    index.write(&path).unwrap();
    let again = IvfFlat::read(&gpu(), &path).unwrap();
    assert_eq!((again.nlist(), again.nprobe(), again.is_trained()), (77, 100, false));
    assert!(matches!(again.add(&[0.0; DIM]), Err(Error::NotTrained)));
    let ivf = IndexInfo::read(&path).unwrap().ivf.unwrap();
    assert_eq!((ivf.nlist, ivf.nprobe, ivf.sizes), (77, 100, None));
    again.train(rows(80, DIM, &Metric::L2, DType::F32, 3).rows()).unwrap();
    again.write(&path).unwrap();
    let again = IvfFlat::read(&gpu(), &path).unwrap();
    assert_eq!(again.list_sizes(), [0; 77]);
    assert!(again.search(&[0.0; DIM], 3).unwrap().ids().is_empty());
    assert_eq!(IndexInfo::read(&path).unwrap().ivf.unwrap().sizes.unwrap().empty, 77);
    assert_eq!(again.add(&[0.0; DIM]).unwrap(), 0..1);
}

#[test]
fn a_file_says_how_its_rows_are_spread() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lists");
    let all = rows(300, DIM, &Metric::L2, DType::F32, 4);
    // ids that are a list, behind which the lists stand
    let index = IvfFlat::new(&gpu(), DIM, Metric::L2, 12).unwrap();
    index.train(all.rows()).unwrap();
    let ids: Vec<u64> = (0..300).map(|row| row * 7 % 300).collect();
    index.add_with_ids(all.rows(), &ids).unwrap();
    index.remove(&[3, 4, 5]).unwrap();
    index.write(&path).unwrap();
    for info in [IndexInfo::read(&path), IndexInfo::verify(&path, &mut |_, _| Ok(()))] {
        let info = info.unwrap();
        assert_eq!((&*info.kind, info.rows), ("IvfFlat", 297));
        let ivf = info.ivf.unwrap();
        assert_eq!((ivf.nlist, ivf.nprobe), (12, 20));
        assert_eq!(ivf.sizes, Some(ListSizes::of(&index.list_sizes())));
    }
    let error = Flat::read(&gpu(), &path).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("IvfFlat") && error.contains("read_index"), "{error}");
    let flat = Flat::new(&gpu(), DIM, Metric::L2).unwrap();
    flat.write(&path).unwrap();
    assert_eq!(IndexInfo::read(&path).unwrap().ivf, None);
    assert!(matches!(IvfFlat::read(&gpu(), &path), Err(Error::Format { .. })));
}
