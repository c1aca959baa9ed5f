use super::*;

fn trained(dim: usize, kind: SqType, trained: &[f32]) -> ScalarQuantizer {
    ScalarQuantizer::new(dim, kind).unwrap().with_trained(trained).unwrap()
}

#[test]
fn codes_at_the_edges_of_a_range_are_those_of_hand() {
    let at = [-0.5, 1.0, 2.0, 3.0, 3.999, 4.5, 9.0];
    // from 1 to 4: 255, 63 and 15 thirds
    for (kind, expected) in [
        (SqType::Uniform8, [0, 0, 85, 170, 254, 255, 255]),
        (SqType::Uniform6, [0, 0, 21, 42, 62, 63, 63]),
        (SqType::Uniform4, [0, 0, 5, 10, 14, 15, 15]),
    ] {
        let quantizer = trained(1, kind, &[1.0, 3.0]);
        assert_eq!(quantizer.elements(Rows::F32(&at), 0).unwrap(), expected, "{kind}");
    }
    // nothing to tell apart
    let flat = trained(1, SqType::Bits8, &[2.0, 0.0]);
    assert_eq!(flat.encode(Rows::F32(&[1.0, 2.0, 3.0])).unwrap(), [0, 0, 0]);
    assert_eq!(flat.decode(&[0, 7]).unwrap(), [2.0, 2.0]);
}

#[test]
fn each_dimension_has_its_range_and_codes_are_packed() {
    let rows = [0.0, -10.0, 5.0, 2.0, 10.0, 7.0];
    let ranges = [0.0, -10.0, 5.0, 2.0, 20.0, 0.0];
    let numbers = [0, 0, 0, 255, 255, 0];
    let eight = trained(3, SqType::Bits8, &ranges);
    assert_eq!(eight.encode(Rows::F32(&rows)).unwrap(), numbers);
    let six = trained(3, SqType::Bits6, &ranges);
    assert_eq!(six.encode(Rows::F32(&rows)).unwrap(), [0, 0, 0, 0xff, 0x0f, 0]);
    let four = trained(3, SqType::Bits4, &ranges);
    assert_eq!(four.encode(Rows::F32(&rows)).unwrap(), [0, 0, 0xff, 0]);
    // (c + 1/2) / S of the width: the largest decodes to more than it was
    let decoded = four.decode(&[0xf0, 0]).unwrap();
    let expected = [2.0 / 30.0, -10.0 + 20.0 * 15.5 / 15.0, 5.0];
    decoded.iter().zip(expected).for_each(|(d, e)| assert!((d - e).abs() < 1e-5, "{d} {e}"));
}

#[test]
fn decoding_ends_within_a_step_of_what_was_encoded() {
    let values: Vec<f32> = (0..4000).map(|i| (i as f32 * 0.618).fract() * 7.0 - 2.0).collect();
    for &kind in SqType::ALL {
        let whole = matches!(kind, SqType::Direct8 | SqType::Direct8Signed);
        let scaled = |x: &f32| if whole { (x + 2.0).floor() } else { *x };
        let values: Vec<f32> = values.iter().map(scaled).collect();
        let quantizer = ScalarQuantizer::new(8, kind).unwrap().train(Rows::F32(&values)).unwrap();
        let codes = quantizer.encode(Rows::F32(&values)).unwrap();
        assert_eq!(codes.len(), 500 * quantizer.code_bytes(), "{kind}");
        let step = match kind.ranged_bits() {
            Some(bits) => 7.0 / ((1 << bits) - 1) as f32,
            None if whole => 1e-6,
            None => 0.04,
        };
        for (x, y) in values.iter().zip(quantizer.decode(&codes).unwrap()) {
            assert!((x - y).abs() <= step, "{kind}: {x} {y}");
        }
        // what was decoded has the code it is from, but where rounding ends below the step
        let again = quantizer.decode(&codes).unwrap();
        let differ = quantizer.encode(Rows::F32(&again)).unwrap();
        assert_eq!(differ, codes, "{kind}");
    }
}

#[test]
fn halves_are_rounded_as_faiss_rounds_them() {
    let half = ScalarQuantizer::new(1, SqType::Fp16).unwrap();
    assert_eq!(half.encode(Rows::F32(&[1.0, 65504.0])).unwrap(), [0x00, 0x3c, 0xff, 0x7b]);
    let brain = ScalarQuantizer::new(1, SqType::Bf16).unwrap();
    // 1 + 2^-8 lies between two numbers, of which the even one is 1
    let between = 1.0 + 1.0 / 256.0;
    let codes = brain.encode(Rows::F32(&[1.0, between, -between])).unwrap();
    assert_eq!(codes, [0x80, 0x3f, 0x81, 0x3f, 0x81, 0xbf]);
}

#[test]
fn what_a_type_cannot_hold_is_refused_and_named() {
    let refused = |kind, rows: &[f32]| {
        let error = ScalarQuantizer::new(2, kind).unwrap().encode(Rows::F32(rows)).unwrap_err();
        match error {
            Error::InvalidValue { row, column, .. } => (row, column),
            other => panic!("{other}"),
        }
    };
    assert_eq!(refused(SqType::Fp16, &[0.0, 1.0, 2.0, 65520.0]), (1, 1));
    assert_eq!(refused(SqType::Bf16, &[f32::MAX, 1.0]), (0, 0));
    assert_eq!(refused(SqType::Direct8, &[0.0, 255.0, -1.0, 0.0]), (1, 0));
    assert_eq!(refused(SqType::Direct8, &[0.0, 3.7]), (0, 1));
    assert_eq!(refused(SqType::Direct8, &[256.0, 3.0]), (0, 0));
    assert_eq!(refused(SqType::Direct8Signed, &[-128.0, 128.0]), (0, 1));
    let signed = ScalarQuantizer::new(2, SqType::Direct8Signed).unwrap();
    assert_eq!(signed.encode(Rows::F32(&[-128.0, 127.0])).unwrap(), [0, 255]);
    assert_eq!(signed.encode(Rows::I8(&[-1, 0])).unwrap(), [127, 128]);
    let untrained = ScalarQuantizer::new(2, SqType::Bits8).unwrap();
    assert!(matches!(untrained.encode(Rows::F32(&[0.0; 2])), Err(Error::NotTrained)));
    let nan = untrained.train(Rows::F32(&[0.0, 1.0, f32::NAN, 2.0]));
    assert!(matches!(nan, Err(Error::NonFinite { row: 1, column: 0 })));
    assert!(untrained.train(Rows::F32(&[])).is_err());
    let wide = untrained.train(Rows::F32(&[f32::MAX, 0.0, -f32::MAX, 0.0]));
    assert!(matches!(wide, Err(Error::InvalidArgument { .. })));
    for bad in [&[0.0; 3][..], &[0.0, 0.0, -1.0, 0.0], &[f32::NAN, 0.0, 0.0, 0.0]] {
        assert!(untrained.clone().with_trained(bad).is_err());
    }
    for bad in [SqRange::Quantiles(0.5), SqRange::MinMax(f32::NAN), SqRange::Quantiles(-0.1)] {
        assert!(untrained.clone().with_range(bad).is_err());
    }
}

#[test]
fn the_first_row_of_a_sample_counts_like_others() {
    let sample = [5.0, 6.0, 7.0, 8.0];
    for range in [SqRange::Quantiles(0.0), SqRange::MinMax(0.0), SqRange::Optim] {
        let quantizer = ScalarQuantizer::new(1, SqType::Bits4).unwrap().with_range(range).unwrap();
        let trained = quantizer.train(Rows::F32(&sample)).unwrap();
        assert!((trained.trained()[0] - 5.0).abs() < 0.1, "{range:?}: {:?}", trained.trained());
    }
}
