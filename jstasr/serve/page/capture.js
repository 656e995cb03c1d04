// Sends the microphone's samples to the page as 16 bit integers, a tenth of a second at a time.
class Capture extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Int16Array(Math.round(sampleRate / 10));
    this.count = 0;
    this.peak = 0;
    this.port.onmessage = () => this.flush(true);
  }

  process([channels]) {
    if (channels.length > 0) {
      for (let index = 0; index < channels[0].length; index++) {
        let sample = 0;
        for (const channel of channels) sample += channel[index] / channels.length;
        sample = Math.max(-1, Math.min(1, sample));
        this.peak = Math.max(this.peak, Math.abs(sample));
        this.piece[this.count++] = Math.round(sample * 32767);
        if (this.count === this.piece.length) this.flush(false);
      }
    }
    return true;
  }

  flush(last) {
    this.port.postMessage({ samples: this.piece.slice(0, this.count), peak: this.peak, last });
    this.count = 0;
    this.peak = 0;
  }
}

registerProcessor("capture", Capture);
