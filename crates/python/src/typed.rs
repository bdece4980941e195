//! What the stub `_core.pyi` says of values whose types in Rust do not tell it. `cargo xtask stub` writes the stub from the
//! signatures in this crate; hints are read only for that.

#[cfg(feature = "stub")]
use pyo3::inspect::PyStaticExpr;
use pyo3::prelude::*;

/// Something that is written as another type in Python.
pub trait Hinted {
    /// That type.
    #[cfg(feature = "stub")]
    const HINT: PyStaticExpr;
}

/// A value from Python or for it, of the type that its [`Hinted`] says.
pub struct Typed<T>(pub T);

impl<'a, 'py, T: FromPyObject<'a, 'py> + Hinted> FromPyObject<'a, 'py> for Typed<T> {
    type Error = T::Error;

    #[cfg(feature = "stub")]
    const INPUT_TYPE: PyStaticExpr = T::HINT;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> Result<Self, Self::Error> {
        T::extract(object).map(Typed)
    }
}

impl<'py, T: IntoPyObject<'py> + Hinted> IntoPyObject<'py> for Typed<T> {
    type Target = T::Target;
    type Output = T::Output;
    type Error = T::Error;

    #[cfg(feature = "stub")]
    const OUTPUT_TYPE: PyStaticExpr = T::HINT;

    fn into_pyobject(self, py: Python<'py>) -> Result<Self::Output, Self::Error> {
        self.0.into_pyobject(py)
    }
}

/// Says what a type is written as.
macro_rules! hinted {
    ($($of:ty: $hint:expr),+ $(,)?) => {
        $(impl $crate::typed::Hinted for $of {
            #[cfg(feature = "stub")]
            const HINT: pyo3::inspect::PyStaticExpr = {
                #[allow(unused_imports)]
                use $crate::typed::hints::*;
                $hint
            };
        })+
    };
}
pub(crate) use hinted;

/// Types of Python.
#[cfg(feature = "stub")]
pub mod hints {
    use pyo3::inspect::{PyStaticConstant, PyStaticExpr};
    pub use pyo3::type_hint_union;
    use pyo3::{type_hint_identifier as name, type_hint_subscript as of};

    pub const INT: PyStaticExpr = name!("builtins", "int");
    pub const FLOAT: PyStaticExpr = name!("builtins", "float");
    pub const STR: PyStaticExpr = name!("builtins", "str");
    pub const NONE: PyStaticExpr = PyStaticExpr::Constant { value: PyStaticConstant::None };
    /// A dictionary whose keys the struct's fields tell.
    pub const DICTIONARY: PyStaticExpr = of!(name!("builtins", "dict"), STR, name!("typing", "Any"));
    pub const FLOATS32: PyStaticExpr = of!(name!("numpy.typing", "NDArray"), name!("numpy", "float32"));
    pub const FLOATS64: PyStaticExpr = of!(name!("numpy.typing", "NDArray"), name!("numpy", "float64"));

    /// A class of `opportune/_types.py`.
    pub const fn ours(class: &'static str) -> PyStaticExpr {
        name!("opportune._types", class)
    }

    /// What is called with these arguments, and may return whatever it likes.
    macro_rules! called_with {
        ($($argument:expr),*) => {
            pyo3::type_hint_subscript!(
                pyo3::type_hint_identifier!("collections.abc", "Callable"),
                pyo3::inspect::PyStaticExpr::List { elts: &[$($argument),*] },
                pyo3::type_hint_identifier!("builtins", "object")
            )
        };
    }
    pub(crate) use called_with;
}
