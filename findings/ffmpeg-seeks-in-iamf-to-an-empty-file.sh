#!/usr/bin/env bash
# ffmpeg 9.0.2 (imageio-ffmpeg 0.8.1) and a raw IAMF file (Eclipsa Audio, .iamf) that ffmpeg wrote itself: two seconds
# of first-order ambisonics as four mono substreams. Decoded whole it is well; decoded from the middle with -ss in front
# of the input, as every tool does that cuts or samples long files, it gives a WAV without one sample - and exit status
# 0, with one line about an OBU on stderr. -ss behind the input (decode and drop) gives the second half. Expected: a
# demuxer without a seek function refuses to seek, as raw streams of other kinds do, or falls back to reading from the
# start; in no case success without samples. Why it matters: whoever cuts clips out of .iamf by time gets empty
# files and no error. In MP4 the same IAMF can be sought in. Source: ffmpeg's documentation of -ss ("as an input
# option, seeks in this input file to position").
set -euo pipefail
d=$(mktemp -d); trap 'rm -rf "$d"' EXIT; cd "$d"
python3 -m venv v
v/bin/pip -q install imageio-ffmpeg==0.8.1
F=$(v/bin/python -c "import imageio_ffmpeg as i; print(i.get_ffmpeg_exe())")
"$F" -version | head -1
split="[0:a]asplit=4[w][y][z][x]"
element='type=iamf_audio_element:id=1:st=0:st=1:st=2:st=3:audio_element_type=scene,layer=ch_layout=ambisonic\ 1:ambisonics_mode=mono,'
mix='type=iamf_mix_presentation:id=3:stg=0:annotations=en-us=x,submix=parameter_id=100:parameter_rate=48000:default_mix_gain=0.0|element=stg=0:parameter_id=100:parameter_rate=48000:default_mix_gain=0.0:headphones_rendering_mode=binaural:annotations=en-us=x|layout=layout_type=loudspeakers:sound_system=stereo:integrated_loudness=0.0'
make() {
    "$F" -nostdin -v error -y -f lavfi -i "sine=440:d=2:r=48000" -filter_complex "$split" \
        -map "[w]" -map "[y]" -map "[z]" -map "[x]" -c:a flac -stream_group "$element" -stream_group "$mix" \
        -streamid 0:0 -streamid 1:1 -streamid 2:2 -streamid 3:3 "$1"
}
make a.iamf
make a.mp4
samples() { # file, options before -i, options behind it
    local status=0
    "$F" -nostdin -v quiet -y $2 -i "$1" $3 -map 0:a:0 -f s16le out.raw || status=$?
    echo "$(($(stat -c %s out.raw) / 2)) $status"
}
read -r whole _ <<< "$(samples a.iamf "" "")"
read -r behind _ <<< "$(samples a.iamf "" "-ss 1")"
read -r before status <<< "$(samples a.iamf "-ss 1" "")"
read -r mp4 _ <<< "$(samples a.mp4 "-ss 1" "")"
echo "expected: about 48000 samples after 1 s of 2 s, or an error"
echo "seen: whole $whole, -ss behind the input $behind, -ss before it $before (exit status $status), in MP4 $mp4"
[ "$whole" = 96000 ] && [ "$behind" = 48000 ] && [ "$mp4" -ge 44000 ] || { echo "CHANGED: the file does not decode as before"; exit 1; }
[ "$before" = 0 ] && [ "$status" = 0 ] || { echo "CHANGED: seeking gives $before samples, status $status"; exit 1; }
echo "still so"
