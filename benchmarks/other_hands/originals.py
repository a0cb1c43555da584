"""Recordings of others as they were found, and what is known about each (the folder's own lists say how)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Original:
    """``sound`` is ``ambix``, ``n3d``, ``fuma`` or ``wxyz`` (the file states none), ``refuse`` or ``""`` (not asked);
    ``picture`` is a projection and how its eyes lie, ``refuse`` or ``""``."""

    file: str
    source: str
    sound: str = ""
    picture: str = ""


_OMNI, _TAU19, _TAU20 = "OmniAudio (YouTube clips)", "TAU 2019", "TAU 2020"
_GENERATED = "OmniAudio (generated sound)"
_EVENTS_19 = (
    "clearthroat", "cough", "doorslam", "drawer", "joined", "keyboard", "keysDrop", "knock", "laughter", "pageturn",
    "phone", "speech",
)  # fmt: skip
_EVENTS_20 = (
    "alarm", "baby_crying", "crash", "dog_barking", "engine_running", "female_screaming", "female_speaking",
    "fire_burning", "footsteps", "joined", "knocking_on_door", "male_screaming", "male_speaking", "phone_ringing",
    "piano",
)  # fmt: skip
_WHOLE = "equirectangular mono"


def _suffix(event: str) -> str:
    return "flac" if event == "joined" else "wav"


ORIGINALS = (
    *(
        Original(f"real/video360/omni_gt_{clip}.webm", _OMNI, "ambix", _WHOLE)
        for clip in (
            "QO-pWw4_z8Y_120", "Wc_gzO9i38k_15", "aieThfuvmtY_274", "gyFx147_35Q_52", "qWpImMW4DHI_87",
            "f2kvR5I8s3c_20",
        )
    ),
    *(
        Original(f"media/{clip}.webm", _OMNI, "ambix", _WHOLE)
        for clip in (
            "G8pABGosD38l_17", "NdE7uYVaynQl_0", "KVvDejzzQjM_6", "0FB9jMXMP8A_19", "V_To4k9AJXc_20", "aieThfuvmtY_151",
            "V5IVN81wYrI_60",
        )
    ),
    Original("real/video360/omni_trans_p5Ady9RJyhU_110+M8AHmUYaYbI_140.webm", _GENERATED, "", _WHOLE),
    Original("real/negatives/omni_mmaudio_Wc_gzO9i38k_15.webm", _GENERATED, "", _WHOLE),
    Original("real/negatives/omni_visage_Wc_gzO9i38k_15.webm", _GENERATED, "", _WHOLE),
    *(Original(f"real/foa/diffsage_gt19_{event}.{_suffix(event)}", _TAU19, "n3d") for event in _EVENTS_19),
    *(Original(f"real/foa/diffsage_gt20_{event}.{_suffix(event)}", _TAU20, "ambix") for event in _EVENTS_20),
    Original("real/foa/tau2019_split1_ir0_ov1_1.wav", _TAU19, "n3d"),
    Original("real/foa/tau2020_fold1_room1_mix001_ov1.wav", _TAU20, "ambix"),
    Original("real/foa/r2d2_acn_sn3d.flac", "r2d2 (panned)", "ambix"),
    Original("real/foa/r2d2_fuma.flac", "r2d2 (panned)", "fuma"),
    Original("media/fuma_soundscape.ogg", "media: soundscape", "fuma"),
    Original("media/foa_horizontal_aac.mp4", "media: AAC", "wxyz"),
    Original("media/kqAZkf5Odyw_80.f327.m4a", "YouTube itag 327", "itag 327"),
    *(
        Original(f"real/negatives/spatialaudiocaps_{name}.flac", "SpatialAudioCaps (microphones)", "refuse")
        for name in ("97151_mic4", "97151_foa", "107893_A_mic4", "107893_A_foa")
    ),
    Original("media/surround_4.0.wv", "media: surround", "refuse"),
    Original("media/surround_5.1.ogg", "media: surround", "refuse"),
    Original("media/kqAZkf5Odyw_80.mp4", "YouTube clip, 16:9", "", _WHOLE),
    Original("real/video360/3dwonders_nerf_walk.mp4", "3dWonders (radiance field)", "", _WHOLE),
    Original("real/video360/vrview_congo_2048_TB.mp4", "VR View", "refuse", "equirectangular top-bottom"),
    Original("media/valiant360_overpass.mp4", "Valiant 360", "refuse", _WHOLE),
    Original("media/topbottom_testroom.mp4", "media: test room", "", "equirectangular top-bottom"),
    Original("media/tiled_equirect_sv3d.mp4", "media: sv3d", "", _WHOLE),
    Original("media/vr180_claims_360.mp4", "media: VR180", "", "refuse"),
    Original("media/flat_camera.mp4", "flat: media", "", "refuse"),
    Original("real/negatives/named_pano_flat_drone.mp4", "flat: drone", "", "refuse"),
    *(
        Original(f"real/stills/{name}", "stills", "", _WHOLE)
        for name in (
            "aframe_puydesancy.jpg", "aframe_lake_sunset.jpg", "vrview_chichen-itza.jpg", "vrview_christ-redeemer.jpg",
            "vrview_machu-picchu.jpg", "vrview_petra.jpg", "horizonnet_bedroom.png", "cuxdev_fjord.jpg",
        )
    ),
    Original("real/stills/vrview_coral_TB.jpg", "stills", "", "equirectangular top-bottom"),
    Original("real/stills/vrview_andes_TB.jpg", "stills", "", "equirectangular top-bottom"),
    Original("media/still_taj.jpg", "stills", "", _WHOLE),
    Original("media/still_veste.jpg", "stills", "", _WHOLE),
)  # fmt: skip
