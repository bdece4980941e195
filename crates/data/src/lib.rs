//! Files to a data set: CSV, IDX, NPY and NPZ; types, missing values, encoding, scaling, folds.
