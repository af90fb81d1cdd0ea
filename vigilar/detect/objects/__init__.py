"""What is in a picture: models of objects, and what they find. Pictures in, detections out; no thread is started here.

The only door to ONNX Runtime is ``engine``. A program that has a picture and wants to know what is on it does this::

    from vigilar.detect.objects.model import open_model
    from vigilar.detect.objects.model_folder import ModelFolder

    installed = ModelFolder(data_dir / FOLDER).find_in_use()        # None: no model is installed
    model = open_model(installed.file, installed.manifest)          # verifies size and SHA-256; raises ModelError
    for found in model.find(picture):                               # HxWx3 BGR or HxW grey, uint8
        found.kind, found.score, found.box                          # ObjectKind, 0..1 calibrated, 0..1 of the picture

A model that lies outside of a data folder is opened with its manifest out of ``catalogue`` (``find_by_sha256``).
Boxes of one picture become one object over time in ``tracks.Tracker``, and its kind is voted on in ``vote.LabelVote``;
both are pure and take the time from the pictures, so they work on clips faster than real time::

    tracker = Tracker()
    seen = tracker.add(model.find(picture), at_ms, moving_boxes)    # tracks; each with .path, .label and .has_moved
    label = most_important([one.label for one in tracker.tracks if one.has_moved and one.label])    # of the visit
"""
