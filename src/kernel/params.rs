//! A kernel's parameters, defined once: the struct here, and beside it the names and types of its fields, which have to be those
//! of `struct Params` in the shader, in the same order. [`Variant`](super::Variant) holds the two against each other before
//! anything is compiled, so that two fields of one type cannot change places on one side alone.

/// Name and WGSL type of a field.
pub(crate) type Field = (&'static str, &'static str);

/// What a dispatch passes by value: the shader's immediates.
pub(crate) trait Params: bytemuck::NoUninit {
    const FIELDS: &'static [Field];
}

/// Defines a struct of u32 and f32 fields that implements [`Params`].
macro_rules! params {
    (
        $(#[$of_struct:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$of_field:meta])* $field_visibility:vis $field:ident: $type:ident),* $(,)?
        }
    ) => {
        $(#[$of_struct])*
        #[repr(C)]
        #[derive(Clone, Copy, bytemuck::NoUninit)]
        $visibility struct $name {
            $($(#[$of_field])* $field_visibility $field: $type,)*
        }

        impl $crate::kernel::Params for $name {
            const FIELDS: &'static [$crate::kernel::Field] =
                &[$((stringify!($field), stringify!($type))),*];
        }
    };
}
pub(crate) use params;
