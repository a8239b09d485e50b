#!/bin/bash
echo tcg,thread=single
