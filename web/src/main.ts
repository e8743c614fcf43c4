// SPDX-License-Identifier: Apache-2.0
import { mount } from 'svelte';
import App from './ui/App.svelte';
import './styles/app.css';
import { settings } from './lib/settings.svelte';

document.documentElement.dataset.theme = settings.theme;
const target = document.getElementById('app');
if (target) mount(App, { target });
