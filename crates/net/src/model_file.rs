//! A model as a file: safetensors, with what is not a tensor as JSON in its metadata.
//!
//! Tensors `layer0.weight` (in x out), `layer0.bias`, with layer normalisation `layer0.norm.gain` and `layer0.norm.bias`,
//! `layer1.weight`, …, of the width in which they were trained.
//! Metadata `opportune` is the JSON of [`Head`], the version of this format in it.

use crate::model::{Model, Parameters};
use crate::network::Layout;
use crate::real::Real;
use opportune_core::InputError;
use opportune_core::loss::Loss;
use opportune_core::plan::{Key, Network};
use opportune_data::{Encoder, TargetEncoder};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;

/// The latest. A model is written as the first that has all it needs.
const VERSION: u32 = 2;
/// The first, without layer normalisation.
const PLAIN: u32 = 1;

/// What every version of the head has.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Everything of a model but its tensors.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    network: Network,
    loss: Loss,
    encoder: Encoder,
    target: TargetEncoder,
    /// [`Model::key`], by which damage is found.
    key: Key,
}

impl Model {
    /// Writes the file, aside first: a file of that name is replaced whole or not at all.
    ///
    /// # Errors
    /// A place that cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), InputError> {
        let bytes = self.bytes().map_err(|what| InputError::new(what).at(path.display().to_string()))?;
        write_whole(path, &bytes)
            .map_err(|error| InputError::new(format!("cannot be written ({error})")).at(path.display().to_string()))
    }

    /// Reads a file that [`Model::save`] wrote.
    ///
    /// # Errors
    /// A file that cannot be read, is no model, is damaged, or was written by a later version.
    pub fn load(path: &Path) -> Result<Model, InputError> {
        let place = path.display().to_string();
        let bytes = fs::read(path).map_err(|error| {
            InputError::new(format!("cannot be read ({error})"))
                .at(place.clone())
                .remedy("give the model.safetensors that fit or tune wrote, or its folder")
        })?;
        Model::from_bytes(&bytes).map_err(|error| error.at(place))
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        let head = Head {
            version: if self.network.layer_norm { VERSION } else { PLAIN },
            network: self.network.clone(),
            loss: self.loss,
            encoder: self.encoder.clone(),
            target: self.target.clone(),
            key: self.key(),
        };
        let head = serde_json::to_string(&head).map_err(|error| error.to_string())?;
        // One entry, so that the same model is the same file: entries of several come in any order.
        let metadata = HashMap::from([("opportune".to_string(), head)]);
        let mut numbers = Vec::new();
        let (dtype, width) = match &self.parameters {
            Parameters::F32(all) => {
                all.iter().for_each(|one| one.put(&mut numbers));
                (Dtype::F32, f32::BYTES)
            }
            Parameters::F64(all) => {
                all.iter().for_each(|one| one.put(&mut numbers));
                (Dtype::F64, f64::BYTES)
            }
        };
        let mut tensors = Vec::new();
        for (name, shape, range) in places(&self.network) {
            let view = TensorView::new(dtype, shape, &numbers[range.start * width..range.end * width]);
            tensors.push((name, view.map_err(|error| error.to_string())?));
        }
        safetensors::serialize(tensors, Some(metadata)).map_err(|error| error.to_string())
    }

    fn from_bytes(bytes: &[u8]) -> Result<Model, InputError> {
        let remedy = "give the model.safetensors that fit or tune wrote";
        let no_model = || InputError::new("is not a model of this program").remedy(remedy);
        let damaged = |what: &str| InputError::new(format!("is damaged: {what}")).remedy("make it anew");
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|error| InputError::new(format!("is not a safetensors file ({error})")).remedy(remedy))?;
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|_| no_model())?;
        let metadata = metadata.metadata().as_ref().ok_or_else(no_model)?;
        let text = metadata.get("opportune").ok_or_else(no_model)?;
        // The version first: what else there is depends on it.
        let bad_head = |error: serde_json::Error| damaged(&format!("its head ({error})"));
        let Version { version } = serde_json::from_str(text).map_err(bad_head)?;
        if !(PLAIN..=VERSION).contains(&version) {
            return Err(InputError::new(format!("has version {version}, and this program reads up to {VERSION}"))
                .remedy("use the program that wrote it, or train again"));
        }
        let head: Head = serde_json::from_str(text).map_err(bad_head)?;
        let (loss_fits, outputs) = match &head.target {
            TargetEncoder::Numbers { .. } => (head.loss.is_regression(), 1),
            TargetEncoder::Classes { labels } if labels.len() == 2 => (head.loss == Loss::Logistic, 1),
            TargetEncoder::Classes { labels } => (head.loss == Loss::Softmax, labels.len()),
            TargetEncoder::Labels { names } => (head.loss == Loss::Logistic && names.len() > 1, names.len()),
        };
        let widths = head.network.widths();
        let fits = loss_fits
            && head.network.outputs as usize == outputs
            && head.network.inputs as usize == head.encoder.inputs()
            && widths.iter().all(|&width| width > 0);
        if !fits {
            return Err(damaged("network and preprocessing do not fit together"));
        }
        let dtype = tensors.tensor("layer0.weight").map_err(|_| damaged("it has no layer0.weight"))?.dtype();
        let parameters = match dtype {
            Dtype::F32 => Parameters::F32(parameters(&tensors, &head.network, dtype).map_err(|what| damaged(&what))?),
            Dtype::F64 => Parameters::F64(parameters(&tensors, &head.network, dtype).map_err(|what| damaged(&what))?),
            other => return Err(damaged(&format!("its numbers are {other:?}"))),
        };
        let model =
            Model { network: head.network, loss: head.loss, parameters, encoder: head.encoder, target: head.target };
        if model.key() != head.key {
            return Err(damaged("its numbers are not those that were written"));
        }
        Ok(model)
    }
}

/// The tensors of a network in the order of the flat vector: names, shapes and places.
fn places(network: &Network) -> impl Iterator<Item = (String, Vec<usize>, Range<usize>)> {
    let layout = Layout::new(network.widths(), network.layer_norm);
    (0..layout.layers()).flat_map(move |layer| {
        let (inputs, outputs) = layout.sizes(layer);
        let [gain, bias] = layout.norm(layer).map(|places| places.map(Some)).unwrap_or_default();
        let all = [
            ("weight", vec![inputs, outputs], Some(layout.weights(layer))),
            ("bias", vec![outputs], Some(layout.biases(layer))),
            ("norm.gain", vec![outputs], gain),
            ("norm.bias", vec![outputs], bias),
        ];
        all.into_iter().filter_map(move |(name, shape, place)| Some((format!("layer{layer}.{name}"), shape, place?)))
    })
}

/// The flat vector. Its size is that of the tensors there are, whatever the head says.
fn parameters<T: Real>(tensors: &SafeTensors<'_>, network: &Network, dtype: Dtype) -> Result<Vec<T>, String> {
    let mut all = Vec::new();
    for (name, shape, _) in places(network) {
        let tensor = tensors.tensor(&name).map_err(|_| format!("it has no {name}"))?;
        if tensor.shape() != shape || tensor.dtype() != dtype {
            return Err(format!("{name} has shape {:?} of {:?} instead of {shape:?}", tensor.shape(), tensor.dtype()));
        }
        all.extend(tensor.data().chunks_exact(T::BYTES).map(T::get));
    }
    Ok(all)
}

/// Writes aside, syncs, renames: after a crash there is the old file or the new one.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(format!(".{}.part", std::process::id()));
    let aside = Path::new(&aside);
    let written = File::create(aside)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(aside, path));
    if written.is_err() {
        // Best effort: the error that matters is the first.
        let _ = fs::remove_file(aside);
    }
    written?;
    // The rename itself lasts once the folder is synced; not every system can do that, and the file is whole anyway.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Predictions;
    use crate::run::Run;
    use crate::testing::{Problem, labelled, planned, table};
    use opportune_core::score::Score;
    use opportune_core::settings::{Precision, Settings};
    use opportune_data::Dataset;
    use std::sync::Arc;

    fn trained<T: Real>(problem: Problem, loss: Option<Loss>, layer_norm: bool) -> (Model, Dataset, f64) {
        let precision = T::PRECISION;
        let base = Settings { hidden: vec![9], batch: 30, precision, loss, layer_norm, ..Settings::default() };
        let data = table(120, 5, problem);
        let (plan, samples) = planned(data.clone(), &base);
        let mut run = Run::<T>::new(plan.clone(), samples.clone());
        run.epoch(&mut || false).unwrap();
        let last = run.epoch(&mut || false).unwrap();
        let model = Model::from_state(&plan, &run.save(), &samples).unwrap();
        let score = model.score(&data, &samples.validation, plan.recipe.score);
        assert!((score - last.validation.unwrap().score).abs() < 1e-12, "{score} {last:?}");
        (model, data, score)
    }

    fn round_trip<T: Real>() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        for (problem, loss, layer_norm) in [
            (Problem::Classes(2), None, false),
            (Problem::Classes(2), None, true),
            (Problem::Classes(5), None, false),
            (Problem::Classes(5), None, true),
            (Problem::Number, None, false),
            (Problem::Number, None, true),
            (Problem::Number, Some(Loss::Huber { delta: 0.5 }), false),
            (Problem::Number, Some(Loss::Poisson), true),
        ] {
            let (model, data, _) = trained::<T>(problem, loss, layer_norm);
            model.save(&path).unwrap();
            let again = Model::load(&path).unwrap();
            assert_eq!((again.predict(&data), again.key()), (model.predict(&data), model.key()));
            match (problem, model.predict(&data)) {
                (Problem::Classes(k), Predictions::Classes { labels, probabilities }) => {
                    assert_eq!((labels.len(), probabilities.len()), (k as usize, 120 * k as usize));
                    assert!(probabilities.chunks(k as usize).all(|row| (row.iter().sum::<f64>() - 1.0).abs() < 1e-5));
                }
                (Problem::Number, Predictions::Numbers(all)) => {
                    assert!(all.len() == 120 && all.iter().all(|y| (1.0..1e5).contains(y)), "{loss:?}");
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_model_comes_back_exactly() {
        round_trip::<f32>();
        round_trip::<f64>();
        assert_eq!(Precision::ALL.len(), 2);
    }

    #[test]
    fn several_labels_come_back() {
        let base = Settings { hidden: vec![9], batch: 30, lr: Some(0.01), ..Settings::default() };
        let data = labelled(120);
        for score in [Score::Accuracy, Score::F1, Score::RocAuc] {
            let (plan, samples) = planned(data.clone(), &base);
            let recipe = opportune_core::plan::Recipe { score, ..plan.recipe.clone() };
            let plan = Arc::new(opportune_core::plan::Plan { recipe, ..(*plan).clone() });
            let mut run = Run::<f32>::new(plan.clone(), samples.clone());
            let last = (0..20).map(|_| run.epoch(&mut || false).unwrap()).last().unwrap();
            let model = Model::from_state(&plan, &run.save(), &samples).unwrap();
            let scored = model.score(&data, &samples.validation, score);
            assert!(
                (scored - last.validation.unwrap().score).abs() < 1e-12 && scored > 0.5,
                "{score}: {scored} {last:?}"
            );
            let again = Model::from_bytes(&model.bytes().unwrap()).unwrap();
            let Predictions::Labels { names, probabilities } = again.predict(&data) else { panic!() };
            assert_eq!((names.join(" ").as_str(), probabilities.len()), ("r q p", 360));
            assert_eq!(again.predict(&data), model.predict(&data));
        }
    }

    #[test]
    fn what_is_no_model_is_refused() {
        let normalised = trained::<f32>(Problem::Classes(3), None, true).0.bytes().unwrap();
        let has = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(has(&normalised, "version\\\":2") && has(&normalised, "layer0.norm.gain"));
        let (model, ..) = trained::<f32>(Problem::Classes(3), None, false);
        assert!(!has(&model.bytes().unwrap(), "norm"), "what is off leaves no trace");
        let good = model.bytes().unwrap();
        let error = |bytes: &[u8]| Model::from_bytes(bytes).map(|_| ()).unwrap_err().to_string();
        assert!(Model::from_bytes(&good).is_ok());
        assert!(error(b"x1,x2,y\n").contains("not a safetensors file"));
        assert!(error(&[0xff; 64]).contains("not a safetensors file"));
        assert!(error(&good[..good.len() - 1]).contains("not a safetensors file"));
        let plain = safetensors::serialize([("a", TensorView::new(Dtype::U8, vec![1], &[7]).unwrap())], None).unwrap();
        assert!(error(&plain).contains("not a model of this program"));
        let mut flipped = good.clone();
        *flipped.last_mut().unwrap() ^= 1;
        assert!(error(&flipped).contains("damaged"));
        // The head says anything: every value is checked against the tensors there are.
        let swap = |from: &str, to: &str| {
            let at = good.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
            let mut bytes = good.clone();
            bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
            error(&bytes)
        };
        assert!(swap("version\\\":1", "version\\\":9").contains("version 9"));
        assert!(swap("hidden\\\":[9]", "hidden\\\":[8]").contains("layer0.weight has shape"));
        assert!(swap("loss\\\":\\\"softmax", "loss\\\":\\\"squared").contains("do not fit"));
        assert!(swap("layer1.bias", "layer7.bias").contains("no layer1.bias"));
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("no/model.safetensors");
        assert!(Model::load(&nowhere).unwrap_err().to_string().contains("cannot be read"));
        assert!(model.save(&nowhere).unwrap_err().to_string().contains("cannot be written"));
    }
}
